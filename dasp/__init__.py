"""Differentiable audio signal processors and automatic mixing in PyTorch."""

_AUDIO_IO = ("AudioFileError", "audio_info", "load_audio", "save_audio")


def __getattr__(name: str):
    # Not imported before they are asked for: `dasp --help` is not to wait for torch.
    if name in ("fit", "unmix"):
        from dasp import estimation

        return getattr(estimation, name)
    if name not in _AUDIO_IO:
        raise AttributeError(f"module 'dasp' has no attribute {name!r}")
    from dasp import audio_io

    return getattr(audio_io, name)
