"""`dasp.estimation.fitting` under its old name."""

from dasp._moved import moved

__getattr__ = moved(
    __name__,
    {"fit": "dasp.estimation.fitting.fit.fit", "Fit": "dasp.estimation.fitting.fit.Fit"},
)
