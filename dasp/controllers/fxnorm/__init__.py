"""FxNorm: stems brought to the average effects of their group, before a network mixes them."""

from dasp.controllers.fxnorm.features import (
    GROUPS,
    EffectFeatures,
    average_features,
    load_features,
    measure_effects,
    save_features,
)
from dasp.controllers.fxnorm.normalise import fx_normalise, group_stems, normalise_stem
from dasp.controllers.fxnorm.room import add_room

__all__ = [
    "GROUPS",
    "EffectFeatures",
    "add_room",
    "average_features",
    "fx_normalise",
    "group_stems",
    "load_features",
    "measure_effects",
    "normalise_stem",
    "save_features",
]
