"""Audio block by block: as it is heard, or of files that are longer than memory."""

from dasp.streaming.file import stream_file
from dasp.streaming.stream import Stream

__all__ = ["Stream", "stream_file"]
