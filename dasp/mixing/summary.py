"""A mix in words, as consoles and engineers write it."""


def pan_text(pan: float) -> str:
    """Write a pan as consoles print it.

    Args:
        pan: From -1 (left) to 1 (right).

    Returns:
        C for the centre, or L or R with a number up to 100.

    >>> pan_text(0.0), pan_text(-0.5)
    ('C', 'L50')
    """
    percent = round(100 * abs(pan))
    return f"{'L' if pan < 0 else 'R'}{percent}" if percent else "C"
