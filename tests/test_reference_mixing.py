"""What the benchmark of references mixes and measures."""

import torch

from benchmarks.reference_mixing import all_tables, apart, random_mix
from dasp.mixing import Song, mix_down

RATE = 22_050


def _song():
    noise = 0.1 * torch.randn(3, 1, RATE, generator=torch.Generator().manual_seed(0))
    return Song.of(["kick", "bass", "voice"], list(noise), RATE)


def test_random_consoles_are_of_their_seed_and_within_their_ranges():
    mixes = [random_mix(_song(), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert mixes[0] == mixes[1] != mixes[2]
    for track in mixes[0].tracks:
        gain, eq, panner = (stage.settings for stage in track.strip)
        bands = [eq["low_shelf_gain_db"], *eq["peak_gain_db"], eq["high_shelf_gain_db"]]
        assert max(map(abs, [gain["gain_db"], *bands])) <= 12
        assert abs(panner["pan"]) <= 1


def test_a_master_is_apart_from_its_reference_by_what_was_done():
    x = mix_down(_song().tracks, random_mix(_song(), torch.Generator().manual_seed(1)))
    found = apart(2 * x, x, RATE)
    assert abs(found["loudness"] - 6.02) < 0.01
    assert max(found["crest_factor"], found["octaves"], found["side_share"]) < 1e-3


def test_a_table_has_the_mean_of_each_system():
    rows = [
        {"group": "console", "piece": piece, "system": "rules", "spectrum": error}
        for piece, error in (("a", 1.0), ("b", 3.0))
    ]
    (table,) = all_tables(rows).values()
    assert table.splitlines()[2].startswith("| rules | 2 [")
