"""Values that fit into the range of a parameter."""

from dasp._checks import check_choice
from dasp.processors import Processor


def ends(processor: Processor, name: str) -> tuple[float, float]:
    """Look up the range of a parameter.

    Args:
        processor: What has the parameter.
        name: Its name.

    Returns:
        The lowest value and the highest.

    Raises:
        ValueError: If there is no such parameter, or its bands have ranges of their own.

    >>> from dasp.processors.catalogue import GAIN
    >>> ends(GAIN, "gain_db")
    (-60.0, 24.0)
    """
    params = {param.name: param for param in processor.params}
    check_choice("name", name, params)
    low, high = params[name].low, params[name].high
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        raise ValueError(f"{name}: expected one range, and its bands have ranges of their own")
    return low, high


def in_range(processor: Processor, name: str, value: float) -> float:
    """Find the value in the range of a parameter that is nearest to another.

    Args:
        processor: What has the parameter.
        name: Its name.
        value: Any number.

    Returns:
        The number, or the end of the range that it is over.

    Raises:
        ValueError: If there is no such parameter, or its bands have ranges of their own.

    >>> from dasp.processors.catalogue import GAIN
    >>> in_range(GAIN, "gain_db", 100.0), in_range(GAIN, "gain_db", 3.0)
    (24.0, 3.0)
    """
    low, high = ends(processor, name)
    return min(max(value, low), high)
