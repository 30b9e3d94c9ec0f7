"""Processors as data: parameters with ranges, combinations, the catalogue, one module."""

from dasp.processors.module import ProcessorModule
from dasp.processors.param import Option, Param
from dasp.processors.processor import Processor

__all__ = ["Option", "Param", "Processor", "ProcessorModule"]
