"""The old place of `Processor`, which `dasp.processors` has."""

from dasp._moved import moved

__getattr__ = moved(
    __name__,
    {
        "Processor": "dasp.processors.Processor",
        "check_processor": "dasp.functional._processor.check_processor",
    },
)
