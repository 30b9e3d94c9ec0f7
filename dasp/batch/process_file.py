"""The work of `dasp process` and `dasp batch`: one file through a processor."""

import json
import os
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as nnf

from dasp.audio_io import (
    allowing_truncated,
    audio_info,
    load_as_stored,
    noting,
    read_tags,
)
from dasp.batch.job import Job
from dasp.batch.settings import load_inputs
from dasp.batch.writing import Writing
from dasp.file_names import as_found
from dasp.functional._processor import is_sidechain
from dasp.processors import Processor
from dasp.processors.document import from_document
from dasp.signal.resample import resample
from dasp.streaming import stream_file


@dataclass(frozen=True)
class ProcessFile:
    """Read a file, process it, write it, at its own rate and stored as it was."""

    document: dict[str, Any]
    """The processor with its settings, as `dasp.processors.document` has them."""
    writing: Writing = field(default_factory=Writing)
    device: str = "cpu"
    tail_s: float = 0.0
    """Silence added at the end, for what rings on."""
    sample_rate: int | None = None
    """The rate of the new file, which the processor runs at; None is that of the old one."""
    segment_s: float | None = None
    """How much is in memory at a time; None is the whole file."""
    allow_truncated: bool = False
    """Take what is there of files that are cut off, with a note."""
    overwrite: bool = False

    def __call__(self, job: Job) -> dict[str, Any]:
        """Write the one target of a job; tells what samples were stored, and how."""
        with allowing_truncated(self.allow_truncated), noting() as noted:
            facts = self._do(job)
        lost = facts.pop("notes")
        notes = [*noted, *(f"{job.targets[0]}: {note}" for note in lost)]
        return {**facts, "notes": notes} if notes else facts

    def _do(self, job: Job) -> dict[str, Any]:
        (target,) = job.targets
        if not os.path.isdir(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
        processor, settings = _processor(self._written)
        settings = {**settings, **job.settings}
        if self.segment_s is not None:
            return self._in_segments(job.source, target, processor, settings, self.segment_s)
        x, info, tags = load_as_stored(job.source)
        sample_rate = info.sample_rate
        if self.sample_rate is not None:
            x, sample_rate = resample(x, sample_rate, self.sample_rate), self.sample_rate
        x = x.to(self.device)
        if self.tail_s:
            x = nnf.pad(x, (0, round(self.tail_s * sample_rate)))
        with torch.inference_mode():
            settings = load_inputs(processor, settings, x, sample_rate)
            y = processor(x, sample_rate, **settings)
        saved = self.writing.save(
            target, y, sample_rate, like=info, overwrite=self.overwrite, tags=tags
        )
        return {"frames": y.shape[-1], "sample_rate": sample_rate, **vars(saved)}

    def _in_segments(
        self,
        source: Path,
        target: Path,
        processor: Processor,
        settings: dict[str, Any],
        segment_s: float,
    ) -> dict[str, Any]:
        info = audio_info(source)
        rate = info.sample_rate if self.sample_rate is None else self.sample_rate
        sidechains = {
            key: settings.pop(key)
            for key in processor.inputs
            if key in settings and is_sidechain(key)
        }
        like_x = torch.empty(info.channels, 0, dtype=info.dtype, device=self.device)
        saved = stream_file(
            source,
            target,
            processor,
            load_inputs(processor, settings, like_x, rate),
            segment_s=segment_s,
            tail_s=self.tail_s,
            sample_rate=rate,
            sidechains=sidechains,
            device=self.device,
            **self.writing.in_blocks(
                target,
                like=info,
                sample_rate=rate,
                tags=read_tags(source, info.sample_rate),
            ),
            overwrite=self.overwrite,
        )
        return {"frames": audio_info(target).frames, "sample_rate": rate, **asdict(saved)}

    def reads(self, job: Job) -> list[Path]:
        """The source, and the files that the settings name."""
        processor, settings = _processor(self._written)
        settings = {**settings, **job.settings}
        return [
            job.source,
            *(as_found(settings[key]) for key in processor.inputs if key in settings),
        ]

    @cached_property
    def _written(self) -> str:
        return json.dumps(self.document)


@lru_cache(maxsize=8)
def _processor(document: str) -> tuple[Processor, dict[str, Any]]:
    return from_document(json.loads(document))
