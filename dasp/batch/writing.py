"""How samples are stored, for all that writes files of many kinds."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from dasp.audio_io import AudioInfo, Saved, dither_source, has_subtype, save_audio


@dataclass(frozen=True)
class Writing:
    """Choices that `save_audio` takes, made once for many files."""

    subtype: str | None = None
    """How samples are stored; by default as in the file that they come from."""
    clip_mode: str = "error"
    dither: bool = True
    seed: int = 0
    """Of the dither, together with the samples."""

    def save(
        self,
        path: Path,
        x: Tensor,
        sample_rate: int,
        *,
        like: AudioInfo | None = None,
        overwrite: bool = False,
    ) -> Saved:
        """Write `x`, stored as the file `like` was, where the format can."""
        subtype = self.subtype
        if subtype is None and like is not None and has_subtype(path, like.subtype):
            subtype = like.subtype
        return save_audio(
            path,
            x,
            sample_rate,
            subtype=subtype,
            overwrite=overwrite,
            clip_mode=self.clip_mode,
            dither=dither_source(self.seed, x) if self.dither else None,
        )
