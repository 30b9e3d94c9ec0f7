"""How samples are stored, for all that writes files of many kinds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from dasp.audio_io import AudioInfo, Saved, Tags, dither_source, save_audio, subtype_like


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
        tags: Tags | None = None,
        overwrite: bool = False,
    ) -> Saved:
        """Write `x`, stored as the file `like` was, where the format can."""
        return save_audio(
            path,
            x,
            sample_rate,
            subtype=self._subtype(path, like, len(x), sample_rate),
            overwrite=overwrite,
            clip_mode=self.clip_mode,
            dither=dither_source(self.seed, x) if self.dither else None,
            layout=like.layout if like else None,
            tags=tags,
        )

    def in_blocks(
        self,
        path: Path,
        *,
        like: AudioInfo,
        sample_rate: int | None = None,
        tags: Tags | None = None,
    ) -> dict[str, Any]:
        """The same choices, as `save_blocks` takes them."""
        return {
            "subtype": self._subtype(path, like, like.channels, sample_rate or like.sample_rate),
            "clip_mode": self.clip_mode,
            "dither": self.seed if self.dither else None,
            "layout": like.layout,
            "tags": tags,
        }

    def _subtype(
        self, path: Path, like: AudioInfo | None, channels: int, sample_rate: float
    ) -> str | None:
        if self.subtype is None and like is not None:
            return subtype_like(path, like.format, like.subtype, channels, sample_rate)
        return self.subtype
