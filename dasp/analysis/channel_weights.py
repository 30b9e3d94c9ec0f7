"""How much each channel counts in a loudness, by where its loudspeaker stands.

Source: ITU-R BS.1770-5, tables 3 and 4. Within 30 degrees of the listener's height a speaker at 60
to 120 degrees counts 1.41 (+1.5 dB), any other 1; the channel of low effects does not count.
"""

from collections.abc import Sequence

from dasp.layouts import UNKNOWN, USUAL, as_layout

SURROUND = 1.41


def channel_weights(
    channels: int,
    layout: str | Sequence[str] | None = None,
    *,
    dual_mono: bool = False,
) -> tuple[float, ...]:
    """Return the weight of each channel in a loudness measurement.

    Args:
        channels: Number of channels.
        layout: The loudspeaker of each channel, as `dasp.layouts.as_layout` takes it. By default
            the usual ones for that number: mono, stereo, L R C, L R Ls Rs, L R C Ls Rs, 5.1, 6.1
            and 7.1 (L R C LFE, the back, the sides).
        dual_mono: Whether a single channel counts twice (+3.01 dB), as two loudspeakers play it.

    Returns:
        One factor on the power of each channel: 1, 1.41 for surrounds, 0 for low effects.

    Raises:
        ValueError: If there are more than 8 channels and no layout, or if the layout has another
            number of channels or one whose place is not known.

    Source: ITU-R BS.1770-5, tables 3 and 4.

    >>> channel_weights(6)
    (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)
    >>> channel_weights(8, "7.1")  # the back is beyond 120 degrees, where there are sides too
    (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41)
    """
    if layout is None and channels not in USUAL:
        raise ValueError(
            f"layout: expected the speakers of {channels} channels; without, 1 to {max(USUAL)} "
            f"channels have a usual place"
        )
    speakers = USUAL[channels] if layout is None else as_layout(layout)
    if len(speakers) != channels:
        raise ValueError(
            f"layout: expected {channels} speakers, got {len(speakers)} ({' '.join(speakers)})"
        )
    if UNKNOWN in speakers:
        raise ValueError(f"layout: expected a place for each channel, got {' '.join(speakers)}")
    if dual_mono and channels == 1:
        return (2.0,)
    back = 1.0 if "SL" in speakers or "SR" in speakers else SURROUND
    weights = {"LFE": 0.0, "SL": SURROUND, "SR": SURROUND, "BL": back, "BR": back}
    return tuple(weights.get(speaker, 1.0) for speaker in speakers)
