"""The classic controllers by name. Each is called with names, tracks and a sample rate."""

from collections.abc import Callable, Sequence

from torch import Tensor

from dasp.controllers.rules.equal_loudness import equal_loudness
from dasp.controllers.rules.gain_sharing import dugan
from dasp.controllers.rules.mansbridge_fader import mansbridge_fader
from dasp.controllers.rules.mansbridge_panner import mansbridge_panner
from dasp.controllers.rules.spectral_panner import perez_gonzalez
from dasp.mixing.settings import Mix

CLASSIC: dict[str, Callable[[Sequence[str], Sequence[Tensor], int], Mix]] = {
    "dugan": dugan,
    "equal-loudness": equal_loudness,
    "mansbridge-fader": mansbridge_fader,
    "mansbridge-panner": mansbridge_panner,
    "perez-gonzalez": perez_gonzalez,
}
"""The sum has whatever loudness results; `strips.at_loudness` brings it to a target."""
