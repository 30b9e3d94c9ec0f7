"""Contents under random effects: what is drawn, what is kept, what is heard."""

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.fxnorm import GROUPS, load_features
from dasp.controllers.style.features import effect_features
from dasp.processors.catalogue import COMPRESSOR, GAIN, PARAMETRIC_EQ, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.songs.synthetic import synthetic_song
from dasp.training.effect_examples import (
    CLASSES,
    RATE,
    REVERB_PROBABILITY,
    WARM_UP_S,
    apply_effects,
    board,
    draw_effects,
    draw_piece,
    unpacked,
)


def chains(kind, count=400):
    draw = torch.Generator().manual_seed(0)
    return [[s.processor.name for s in draw_effects(kind, draw)] for _ in range(count)]


@pytest.mark.parametrize("kind", ["drums", "bass", "vocals"])
def test_effects_come_with_the_probabilities_and_in_the_orders_of_the_paper(kind):
    found = chains(kind)
    expected = {
        "parametric_eq": 0.9, "compressor": 0.9, "stereo_panner": 0.3, "stereo_widener": 0.8,
        "feedback_delay_network": REVERB_PROBABILITY[kind], "gain": 0.5,
    }  # fmt: skip
    for name, probability in expected.items():
        share = sum(name in chain for chain in found) / len(found)
        assert share == pytest.approx(probability, abs=0.08), name
    place = {"parametric_eq": 0, "compressor": 0, "stereo_panner": 1, "stereo_widener": 1,
             "feedback_delay_network": 2, "gain": 3}  # fmt: skip
    assert all([*map(place.get, chain)] == sorted(map(place.get, chain)) for chain in found)
    both = [chain[:2] for chain in found if {"parametric_eq", "compressor"} <= {*chain}]
    assert 0.4 < sum(pair[0] == "compressor" for pair in both) / len(both) < 0.6


def test_the_same_generator_draws_the_same_effects():
    one, other = (draw_effects("vocals", torch.Generator().manual_seed(3)) for _ in range(2))
    assert one == other != draw_effects("vocals", torch.Generator().manual_seed(4))


def test_all_but_a_gain_keep_the_level():
    x = 0.1 * torch.randn(3, 2, 20_000, generator=torch.Generator().manual_seed(0))
    eq = Stage(PARAMETRIC_EQ, {"low_shelf_gain_db": 12.0, "high_shelf_gain_db": -6.0})
    squeeze = Stage(COMPRESSOR, {"threshold_db": -50.0, "ratio": 10.0})
    aside = Stage(STEREO_PANNER, {"pan": 0.8})
    rms = [z.square().mean((-2, -1)).sqrt() for z in (x, apply_effects(x, (eq, squeeze, aside)))]
    torch.testing.assert_close(*rms, rtol=1e-4, atol=0)
    louder = apply_effects(x, (eq, Stage(GAIN, {"gain_db": 6.0})))
    ratio = louder.square().mean((-2, -1)).sqrt() / rms[0]
    torch.testing.assert_close(ratio, torch.full((3,), 10 ** (6 / 20)), rtol=1e-4, atol=0)


def test_a_piece_has_the_normalised_stems_of_a_song():
    song = synthetic_song(4, seconds=4.0)
    piece = draw_piece(song, torch.Generator().manual_seed(0))
    wanted = load_features()
    for group, stem in zip(GROUPS, piece, strict=True):
        if stem.any():
            loudness = measure_loudness(stem, RATE).item()
            assert loudness == pytest.approx(wanted[group].loudness_lufs, abs=0.1)
    assert piece.square().mean((-2, -1)).count_nonzero() > 1


def test_a_board_has_every_piece_under_every_setting():
    draw = torch.Generator().manual_seed(0)
    pieces = 0.05 * torch.randn(2, 4, 2, RATE, generator=draw)
    bass = list(GROUPS).index("bass")
    pieces[1, bass] = 0
    heard = board(pieces, 3, torch.Generator().manual_seed(7))
    assert heard.shape[:3] == (5, 2, 3)
    playing = ~heard[..., 0, 0].isnan()
    assert not playing[CLASSES.index("bass"), 1].any() and playing.sum() == 30 - 3
    effects = torch.Generator().manual_seed(7)
    chain = draw_effects(next(iter(GROUPS)), effects)  # the first of the first setting
    first = apply_effects(pieces[:, 0], chain)[..., round(WARM_UP_S * RATE) :]
    torch.testing.assert_close(heard[1, :, 0], effect_features(first, RATE))


def test_what_is_kept_in_eight_bits_is_within_a_quarter_of_a_decibel():
    from dasp.training.effect_examples import _packed

    heard = 3 * torch.rand(5, 4) - 2
    heard[0, 0] = torch.nan
    back = unpacked(_packed(heard))
    assert back[0, 0].isnan()
    assert (back - heard)[1:].abs().max() <= 1 / 80 + 1e-6
