"""`dasp.estimation.least_squares` and `dasp.mixing.placement` under their old name."""

from dasp._moved import moved

__getattr__ = moved(
    __name__,
    {
        "FilterFit": "dasp.estimation.least_squares.FilterFit",
        "fit_filters": "dasp.estimation.least_squares.fit_filters",
        "gain_and_balance": "dasp.mixing.placement.gain_and_balance",
        "gain_and_pan": "dasp.mixing.placement.gain_and_pan",
    },
)
