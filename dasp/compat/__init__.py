"""Names of other libraries for what `dasp` computes: code written for them runs unchanged."""

from dasp.compat import dasp_pytorch

__all__ = ["dasp_pytorch"]
