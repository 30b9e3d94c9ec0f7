"""Every processor by name: those of `dasp.functional`, and behind them those of other packages.

Each is declared beside its function. Another package has its processors found by name, in
`chain.json`, in `mix.json` and on the command line, by an entry point of the group
`dasp.processors`, whose name is that of the processor. In the package's `pyproject.toml`:

    [project.entry-points."dasp.processors"]
    soft_clip = "my_package.clipping:SOFT_CLIP"

and in `my_package/clipping.py`:

    @audio_processor
    def soft_clip(x: Tensor, sample_rate: float, *, drive_db: Value = 0.0) -> Tensor:
        return torch.tanh(x * db_to_gain(per_sample("drive_db", drive_db, x)))

    SOFT_CLIP = Processor(memoryless(soft_clip), Param("drive_db", 0.0, 24.0, automatable=True))

with the names of `dasp.processors`. Such a package is imported when its processor is asked for.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from dasp import functional
from dasp._suggestion import did_you_mean
from dasp.functional import *  # noqa: F403  The processors by their constants, `COMPRESSOR`.
from dasp.functional._processor import Processor

GROUP = "dasp.processors"
"""The entry points of other packages' processors."""


class Catalogue(dict[str, Processor]):
    """Processors by name, in the order of the documentation.

    Those of other packages are looked up too, but no part of its length and order: what a program
    goes through does not depend on what else is installed.

    >>> CATALOGUE["gain"]
    Processor(gain: gain_db)
    """

    def __missing__(self, name: object) -> Processor:
        others = _others()
        if name not in others:
            raise KeyError(f"no processor {name!r}{did_you_mean(name, [*self, *others])}")
        return _loaded(others[name])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (super().__contains__(name) or name in _others())

    def get(self, name: Any, default: Any = None) -> Any:
        """Look up a processor, or `default` where there is none of the name.

        Args:
            name: Name of the processor.
            default: What is returned where there is none.

        Returns:
            The processor.

        Raises:
            ValueError: If another package declares one of this name, and it cannot be loaded.
        """
        if name not in self:
            return default
        return self[name]

    def others(self) -> dict[str, Processor]:
        """Load the processors of other packages.

        Returns:
            Processors by name.

        Raises:
            ValueError: If one of them cannot be loaded.
        """
        return {name: _loaded(point) for name, point in _others().items() if name not in [*self]}


def _others() -> dict[str, EntryPoint]:
    """The entry points of other packages by the names of their processors."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _loaded(point: EntryPoint) -> Processor:
    package = point.dist.name if point.dist else "a package"
    where = f"{package} has the processor {point.name!r} at {point.value}"
    try:
        processor = point.load()
    except Exception as error:
        raise ValueError(f"{where}, which fails: {type(error).__name__}: {error}") from error
    if not isinstance(processor, Processor):
        raise ValueError(f"{where}: expected a Processor, got {processor!r}")
    if processor.name != point.name:
        raise ValueError(f"{where}: expected it to have that name, got {processor.name!r}")
    return processor


CATALOGUE = Catalogue(
    (value.name, value)
    for value in map(vars(functional).get, functional.__all__)
    if isinstance(value, Processor)
)
"""All processors by name, in the order of the documentation."""
