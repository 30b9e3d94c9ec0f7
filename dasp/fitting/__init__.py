"""Fits: the settings of a chain, estimated from recordings."""

from dasp.fitting.fit import Fit, fit

__all__ = ["Fit", "fit"]
