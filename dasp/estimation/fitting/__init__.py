"""Fits: the settings of a chain, estimated from recordings."""

from dasp.estimation.fitting.fit import Fit, fit

__all__ = ["Fit", "fit"]
