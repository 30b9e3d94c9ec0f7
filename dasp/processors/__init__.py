"""Processors as data: parameters with ranges, combinations, the catalogue, one module.

A processor of one's own is a function with `audio_processor` above it, which checks the audio and
the keywords and computes half types in float32; `per_item`, `per_band` and `per_sample` shape its
parameters to the batch. `Processor` declares what the keywords mean, `in_blocks` that the function
runs block by block with a `Memory`, `memoryless` that it needs none. `dasp.processors.catalogue`
tells how one of another package is found by name.
"""

from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_band, per_item, per_sample
from dasp.functional._memory import WHOLE, Memory, State
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import Run, in_blocks, memoryless
from dasp.processors.catalogue import CATALOGUE
from dasp.processors.chain import chain, dry_wet, parallel
from dasp.processors.document import load_chain, save_chain
from dasp.processors.module import ProcessorModule
from dasp.processors.node import from_json, to_json
from dasp.processors.response import frequency_response, impulse_response, is_linear
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip

__all__ = [
    "CATALOGUE",
    "WHOLE",
    "Memory",
    "Option",
    "Param",
    "Processor",
    "ProcessorModule",
    "Run",
    "Stage",
    "State",
    "Value",
    "audio_processor",
    "chain",
    "dry_wet",
    "frequency_response",
    "from_json",
    "impulse_response",
    "in_blocks",
    "is_linear",
    "load_chain",
    "memoryless",
    "parallel",
    "per_band",
    "per_item",
    "per_sample",
    "run_strip",
    "save_chain",
    "to_json",
]
