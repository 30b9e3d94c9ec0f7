"""What was done to a recording, heard by a network (`embed`), and done to another (`convert`)."""

from dasp.controllers.style.conversion import HeardStyle, between, convert, hear_style
from dasp.controllers.style.embedding import embed

__all__ = ["HeardStyle", "between", "convert", "embed", "hear_style"]
