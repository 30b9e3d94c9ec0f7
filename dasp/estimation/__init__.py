"""Settings from recordings: of a chain (`fit`), of a mix (`unmix`), of a style (`match`)."""

from dasp.estimation.fitting import Fit, fit
from dasp.estimation.matching import Match, match
from dasp.estimation.unmixing.unmix import Unmixed, unmix

__all__ = ["Fit", "Match", "Unmixed", "fit", "match", "unmix"]
