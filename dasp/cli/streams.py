"""Standard output and error: names that an encoding does not have, and readers that are gone."""

import codecs
import os
import sys


def print_to_nobody() -> None:
    """Let what is printed from now on go nowhere where nobody reads it any more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_any_name() -> None:
    """Let no name end a run that the encoding of the output does not have.

    Bytes that are no text go out as they are, for the next program; other signs are written out.
    """
    codecs.register_error("dasp-names", _as_bytes)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="dasp-names")
    if hasattr(sys.stderr, "reconfigure"):
        sys.stderr.reconfigure(errors="backslashreplace")


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return b"".join(
        bytes([ord(sign) - 0xDC00]) if 0xDC80 <= ord(sign) <= 0xDCFF
        else sign.encode("ascii", "backslashreplace")
        for sign in signs
    ), error.end  # fmt: skip
