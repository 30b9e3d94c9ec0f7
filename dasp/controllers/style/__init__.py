"""What was done to a recording, heard by a network: `embed(x, sample_rate)`."""

from dasp.controllers.style.embedding import embed

__all__ = ["embed"]
