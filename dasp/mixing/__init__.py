"""The console and its document: strips of processors for tracks, and one for their sum."""

from dasp.mixing.amount import blend
from dasp.mixing.console import (
    BUSES,
    GROUP_STRIP,
    MASTER_STRIP,
    TRACK_STRIP,
    Console,
    Controls,
    Settings,
    stack_tracks,
)
from dasp.mixing.conversion import from_mix, to_mix
from dasp.mixing.document import is_mix, load_mix, save_mix
from dasp.mixing.kept_routing import keep_routing
from dasp.mixing.knobs import switch, turn
from dasp.mixing.mixdown import Stem, mix_down, mix_stems, through_master
from dasp.mixing.normalise import normalise_loudness
from dasp.mixing.placement import gain_and_balance, gain_and_pan
from dasp.mixing.preparation import Preparation
from dasp.mixing.roles import KNOWN_ROLES, ROLES, guess_role, stereo_pairs
from dasp.mixing.routing import Routing
from dasp.mixing.settings import Channel, Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.wishes import Wishes
from dasp.processors.stage import Stage, find_stage, setting
from dasp.processors.strip import run_strip

__all__ = [
    "BUSES",
    "GROUP_STRIP",
    "KNOWN_ROLES",
    "MASTER_STRIP",
    "ROLES",
    "TRACK_STRIP",
    "Channel",
    "Console",
    "Controls",
    "Mix",
    "Preparation",
    "Routing",
    "Settings",
    "Song",
    "Stage",
    "Stem",
    "Track",
    "Wishes",
    "blend",
    "find_stage",
    "from_mix",
    "gain_and_balance",
    "gain_and_pan",
    "guess_role",
    "is_mix",
    "keep_routing",
    "load_mix",
    "mix_down",
    "mix_stems",
    "normalise_loudness",
    "run_strip",
    "save_mix",
    "setting",
    "stack_tracks",
    "stereo_pairs",
    "switch",
    "through_master",
    "to_mix",
    "turn",
]
