"""Every automatic mixer by its name. Nothing is imported before a mixer is asked for."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Entry:
    """An automatic mixer: where its function is, and how it is called.

    `kind` says what the function takes and returns:

    - "balance": a song, to a mix of any loudness that knows nothing of one to start from;
    - "settings": a song, the mix to start from and the loudness to reach, to a mix;
    - "reference": the same, and `references`, finished mixes that the mix is to sound like;
    - "audio": a song, to the sound of a mix `(2, time)`, of which there are no settings;
    - "conversion": the same from a song and `references`, finished mixes that it is to sound like;
    - "stems": a song, to one with other tracks, which another mixer then mixes.

    One that `learns` also takes `weights`, a file that its training has left.

    Args:
        home: `module:function`, the module within `dasp.controllers`.
        kind: What the function takes and returns, one of the words above.
        learns: Whether it also takes `weights`, a file that its training has left.
    """

    home: str
    kind: Literal["balance", "settings", "reference", "audio", "conversion", "stems"] = "balance"
    learns: bool = False

    def load(self) -> Callable[..., Any]:
        """Import the function.

        Returns:
            The function.
        """
        module, _, name = self.home.partition(":")
        return getattr(importlib.import_module(f"dasp.controllers.{module}"), name)


MIXERS = {
    "auto": Entry("auto.system:auto", "settings", learns=True),
    "console": Entry("console.system:trained_console", "settings", learns=True),
    "rules": Entry("rules.rule_mix:rules", "settings"),
    "dugan": Entry("rules.gain_sharing:dugan"),
    "equal-loudness": Entry("rules.equal_loudness:equal_loudness"),
    "mansbridge-fader": Entry("rules.mansbridge_fader:mansbridge_fader"),
    "mansbridge-panner": Entry("rules.mansbridge_panner:mansbridge_panner"),
    "perez-gonzalez": Entry("rules.spectral_panner:perez_gonzalez"),
    "forest": Entry("forest.system:forest_system", learns=True),
    "deep-mixing": Entry("deep_mixing.system:deep_mixing", learns=True),
    "diff-mst": Entry("diff_mst.system:diff_mst", "reference", learns=True),
    "wave-u-net": Entry("wave_unet:wave_unet_mix", "audio", learns=True),
    "wave-u-net-wet": Entry("wave_unet:wave_unet_wet", "audio", learns=True),
    "fxnorm": Entry("fxnorm.system:fxnorm_mix", "audio", learns=True),
    "style-transfer": Entry("style.conversion:style_transfer", "conversion", learns=True),
}
"""All automatic mixers by their names."""

FIRST_STAGES = {
    "dae": Entry("dae.system:dae_stems", "stems", learns=True),
}
"""What can turn raw tracks to stems before they are mixed, by its names."""

DEFAULT = "auto"
"""The mixer that runs where none is named."""

SYSTEMS = tuple(name for name, entry in MIXERS.items() if entry.kind in ("balance", "settings"))
"""Those that set the knobs of a console."""

BY_REFERENCE = tuple(name for name, entry in MIXERS.items() if entry.kind == "reference")
"""Those that set them so that the mix sounds like another one."""

NETWORKS = tuple(name for name, entry in MIXERS.items() if entry.kind == "audio")
"""Those that make audio themselves."""

CONVERTERS = tuple(name for name, entry in MIXERS.items() if entry.kind == "conversion")
"""Those that make audio that sounds like another mix."""

LEARNT = tuple(name for name, entry in MIXERS.items() if entry.learns)
"""Those that can have other weights than those of the package."""
