"""Differentiable audio signal processors and automatic mixing in PyTorch.

| where | what |
| --- | --- |
| `dasp.functional` | processors as pure functions: `compressor(x, sample_rate, ...)` |
| `dasp.processors` | the same as data: parameters with ranges, chains, `ProcessorModule` |
| `dasp.grad` | other gradients: SPSA, finite differences, neural proxies, black boxes |
| `dasp.signal` | kernels: filters, ballistics, delay lines, convolution, resampling |
| `dasp.analysis`, `dasp.losses` | measures of a signal; distances between two |
| `dasp.audio_io` | audio files to tensors and back |
| `dasp.mixing` | the console, the mix and its document |
| `dasp.songs`, `dasp.controllers` | songs as tracks; what mixes them |
| `dasp.prepare`, `dasp.preparation` | what is wrong with tracks, put right |
| `dasp.mix`, `dasp.variants`, `dasp.render` | a song to its mix, to several, to sound |
| `dasp.evaluate` | a mix beside others |
| `dasp.estimation` | settings from recordings: `fit` a chain, `unmix` a mix, `match` a style |
| `dasp.streaming`, `dasp.batch` | audio block by block; folders of files |
| `dasp.training`, `dasp.evaluation` | the loop; errors of mixes, baselines, statistics |
| `dasp.pictures`, `dasp.pages` | figures of matplotlib; pages for a browser |
| `dasp.compat` | names of other libraries |

Modules and names are imported when they are first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

from dasp._version import __version__

if TYPE_CHECKING:
    from dasp import (
        analysis,
        audio_io,
        batch,
        compat,
        controllers,
        desk,
        estimation,
        evaluation,
        functional,
        grad,
        losses,
        mixing,
        pages,
        pictures,
        preparation,
        processors,
        recipes,
        signal,
        songs,
        streaming,
        training,
        units,
    )
    from dasp.audio_io import AudioFileError, audio_info, load_audio, save_audio
    from dasp.desk import mix, prepare, render, render_stems, variants
    from dasp.estimation import fit, match, unmix
    from dasp.evaluation import evaluate
    from dasp.mixing import load_mix, save_mix
    from dasp.reference import mix_like, mix_like_stems
    from dasp.songs import load_song

_HOMES = {
    "AudioFileError": "audio_io",
    "audio_info": "audio_io",
    "load_audio": "audio_io",
    "save_audio": "audio_io",
    "load_song": "songs",
    "load_mix": "mixing",
    "save_mix": "mixing",
    "mix": "desk",
    "mix_like": "reference",
    "mix_like_stems": "reference",
    "prepare": "desk",
    "render": "desk",
    "render_stems": "desk",
    "variants": "desk",
    "evaluate": "evaluation",
    "fit": "estimation",
    "match": "estimation",
    "unmix": "estimation",
}
"""The functions of the front door, by the module that has them."""

__all__ = [
    "AudioFileError",
    "__version__",
    "analysis",
    "audio_info",
    "audio_io",
    "batch",
    "compat",
    "controllers",
    "desk",
    "estimation",
    "evaluate",
    "evaluation",
    "fit",
    "functional",
    "grad",
    "load_audio",
    "load_mix",
    "load_song",
    "losses",
    "match",
    "mix",
    "mix_like",
    "mix_like_stems",
    "mixing",
    "pages",
    "pictures",
    "preparation",
    "prepare",
    "processors",
    "recipes",
    "render",
    "render_stems",
    "save_audio",
    "save_mix",
    "signal",
    "songs",
    "streaming",
    "training",
    "units",
    "unmix",
    "variants",
]


def __getattr__(name: str) -> Any:
    # Not imported before they are asked for: `dasp --help` is not to wait for torch.
    if name in _HOMES:
        return getattr(importlib.import_module(f"dasp.{_HOMES[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"dasp.{name}")
    raise AttributeError(f"module 'dasp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
