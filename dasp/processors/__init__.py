"""Processors as data: parameters with ranges, combinations, the catalogue, one module."""

from dasp.processors.catalogue import CATALOGUE
from dasp.processors.chain import chain, dry_wet, parallel
from dasp.processors.document import load_chain, save_chain
from dasp.processors.module import ProcessorModule
from dasp.processors.param import Option, Param
from dasp.processors.processor import Processor

__all__ = [
    "CATALOGUE",
    "Option",
    "Param",
    "Processor",
    "ProcessorModule",
    "chain",
    "dry_wet",
    "load_chain",
    "parallel",
    "save_chain",
]
