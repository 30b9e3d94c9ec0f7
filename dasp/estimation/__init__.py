"""Settings from recordings: of a chain (`fit`), and of a whole mix (`unmix`)."""

from dasp.estimation.fitting import Fit, fit
from dasp.estimation.unmixing.unmix import Unmixed, unmix

__all__ = ["Fit", "Unmixed", "fit", "unmix"]
