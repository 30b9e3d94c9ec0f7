"""The work of `dasp batch --mix`: the stems of one song, mixed."""

import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from dasp.audio_io import allowing_truncated, whole
from dasp.batch.job import Job
from dasp.batch.writing import Writing
from dasp.controllers.systems import missed_target
from dasp.desk import mix as find_mix
from dasp.desk import prepared_song
from dasp.mixing.document import save_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.targets import MIX_LUFS
from dasp.preparation import Prepared
from dasp.songs.folders import check_is_no_track, load_song, read_song_folder
from dasp.songs.session import find_session


@dataclass(frozen=True)
class MixSong:
    """Read a folder of stems, find the settings, write the mix, and beside it the settings."""

    system: str = "rules"
    target_lufs: float = MIX_LUFS
    writing: Writing = field(default_factory=Writing)
    allow_truncated: bool = False
    """Take what is there of stems that are cut off, with a note."""
    overwrite: bool = False
    prepare: bool = True
    """Put the tracks right first, as `dasp prepare` does it."""

    def __call__(self, job: Job) -> dict[str, Any]:
        """Write the targets of a job, the mix and its `.json`."""
        with allowing_truncated(self.allow_truncated):
            return self._do(job)

    def _do(self, job: Job) -> dict[str, Any]:
        audio, document = job.targets
        stems = load_song(job.source)
        check_is_no_track(audio, stems.files)
        with torch.inference_mode(), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            start, findings = Prepared(stems.plain_mix(), ())
            if self.prepare:
                start, findings = prepared_song(stems, start)
            mix = find_mix(stems, start=start, system=self.system, target_lufs=self.target_lufs)
            y = mix_down(stems.tracks, mix)
        audio.parent.mkdir(parents=True, exist_ok=True)
        saved = self.writing.save(audio, y, stems.sample_rate, overwrite=self.overwrite)
        with whole(document) as unfinished:
            save_mix(unfinished, mix)
        warned = list(dict.fromkeys(str(one.message) for one in said))
        if missed := missed_target(mix, y, self.target_lufs):
            warned.append(missed)
        return {
            "tracks": len(stems.names),
            "frames": y.shape[-1],
            "sample_rate": stems.sample_rate,
            **asdict(saved),
            "prepared": [f._asdict() for f in findings],
            "decided": list(mix.notes),
            "notes": [*stems.notes, *map(str, findings), *warned],
        }

    def reads(self, job: Job) -> list[Path]:
        """The stems, and the session file where there is one."""
        stems = list(read_song_folder(job.source).tracks)
        session = find_session(stems)
        return [*stems, session] if session else stems
