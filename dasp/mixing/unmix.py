"""`dasp.estimation.unmixing.unmix` under its old name."""

from dasp._moved import moved

_HOME = "dasp.estimation.unmixing.unmix"
_NAMES = ("DEFAULT_STAGES", "STAGES", "StageReport", "Unmixed", "plan_stages", "unmix")

__getattr__ = moved(__name__, {name: f"{_HOME}.{name}" for name in _NAMES})
