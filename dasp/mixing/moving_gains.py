"""`dasp.estimation.moving_gains` under its old name."""

from dasp._moved import moved

__getattr__ = moved(
    __name__,
    {
        "fit_moving_gains": "dasp.estimation.moving_gains.fit_moving_gains",
        "gain_curves": "dasp.estimation.moving_gains.gain_curves",
    },
)
