"""Songs as separate tracks: read from files, or made up."""

from dasp.data.cache import cached
from dasp.data.drum_sessions import open_session
from dasp.data.dsd100 import load_dsd100
from dasp.data.engineer import engineers_mix, with_engineers_mix
from dasp.data.enst_drums import load_enst_drums
from dasp.data.folders import load_song, load_songs
from dasp.data.kit_groove import KitGrooves, kit_groove, load_kit
from dasp.data.medleydb import load_medleydb
from dasp.data.mixing_secrets import load_mixing_secrets
from dasp.data.moisesdb import load_moisesdb
from dasp.data.multitrack import Multitrack, load_folder, load_tracks
from dasp.data.musdb18 import load_musdb18, load_musdb18_hq
from dasp.data.opening import Source, open_song
from dasp.data.sections import active_sections, loudest_section
from dasp.data.slakh2100 import load_slakh2100
from dasp.data.synthetic import SyntheticSongs, synthesise_song, synthetic_song

__all__ = [
    "KitGrooves",
    "Multitrack",
    "Source",
    "SyntheticSongs",
    "active_sections",
    "cached",
    "engineers_mix",
    "kit_groove",
    "load_dsd100",
    "load_enst_drums",
    "load_folder",
    "load_kit",
    "load_medleydb",
    "load_mixing_secrets",
    "load_moisesdb",
    "load_musdb18",
    "load_musdb18_hq",
    "load_slakh2100",
    "load_song",
    "load_songs",
    "load_tracks",
    "loudest_section",
    "open_session",
    "open_song",
    "synthesise_song",
    "synthetic_song",
    "with_engineers_mix",
]
