"""What is wrong with the tracks of a song, found and put right where that is beyond doubt."""

from dasp.preparation.finding import Finding
from dasp.preparation.prepare import Prepared, prepare_song, undo

__all__ = ["Finding", "Prepared", "prepare_song", "undo"]
