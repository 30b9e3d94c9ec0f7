"""`dasp.songs` under its old name."""

from dasp import songs
from dasp._moved import moved

__getattr__ = moved(__name__, {name: f"dasp.songs.{name}" for name in songs.__all__})
