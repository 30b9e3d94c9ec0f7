"""What a converter is trained on: what belongs to what in an example."""

import pytest
import torch

from dasp.controllers.console.features import BANDS
from dasp.controllers.fxnorm import GROUPS
from dasp.controllers.fxnorm.features import RATE
from dasp.controllers.style.converter import style_of
from dasp.songs.seeds import generator_for
from dasp.training import converter_examples as examples
from dasp.training.converter_examples import (
    FULL_SCALE,
    Conversions,
    Rendering,
    Renderings,
    draw_tilt,
    render_pieces,
    ridge_regression,
    style_under,
    tilted,
)

SETTINGS, AGAIN, COLUMNS, FRAMES = 3, 1, 5, 50


def numbered(silent=()):
    """In each sample the number of the piece and of the column, of which styles know too."""
    groups, pieces = len(GROUPS), 2
    values = 10 * torch.arange(pieces)[:, None] + torch.arange(1, COLUMNS + 1)
    peak = values.expand(groups, -1, -1).clone().float()
    for group in silent:
        peak[group] = 0.0
    audio = torch.full((groups, pieces, COLUMNS, 2, FRAMES), FULL_SCALE, dtype=torch.int16)
    audio[..., 1, :] = 0  # all on the left
    styles = torch.zeros(2, 1 + groups, *values.shape, BANDS + 2)
    styles[..., BANDS] = values + 1000 * torch.arange(2)[:, None, None, None]
    styles[..., BANDS + 1] = torch.arange(1 + groups)[:, None, None]
    return Rendering(audio, peak, styles)


def drawn(rendering, count=200):
    draw = Conversions([rendering], SETTINGS, 10)
    return [draw(torch.Generator().manual_seed(seed)) for seed in range(count)]


def test_the_target_is_the_input_under_the_setting_of_the_reference(monkeypatch):
    kinds, inputs, targets, sides = set(), set(), set(), set()
    monkeypatch.setattr(examples, "TILT", 0.0)
    monkeypatch.setattr(examples, "CONTENT_TILT", 0.0)
    for x, reference, own, target in drawn(numbered()):
        reference, own = reference[BANDS:], own[BANDS:]
        side = int(reference[0] > 1000)
        kind = int(reference[1])
        loud = x[side, 0].item() / (4 if kind == 0 else 1)
        wanted = target[side, 0].item() / (4 if kind == 0 else 1)
        assert max(x[1 - side].abs().max(), target[1 - side].abs().max()) < 1e-5
        assert own[0] - 1000 * side == pytest.approx(loud, rel=1e-4) and own[1] == kind
        heard = reference[0].item() - 1000 * side
        assert heard % 10 == pytest.approx(wanted % 10, rel=1e-3)  # the same setting
        assert heard // 10 != round(loud) // 10 == round(wanted) // 10  # of another piece
        assert 2 <= round(wanted % 10) <= 1 + SETTINGS
        kinds.add(kind), inputs.add(round(loud % 10)), targets.add(round(wanted % 10))
        sides.add(side)
    assert kinds == set(range(5)) and sides == {0, 1}
    assert inputs == {1, 2, 3, 4, 5} and targets == {2, 3, 4}


def test_a_filter_moves_the_levels_of_a_style_by_its_gains():
    """Heard behind the filter, or added to the numbers: the same."""
    x = 0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(0))
    tilt = draw_tilt(0.3, torch.Generator().manual_seed(1))
    assert 0.05 < tilt.abs().max() <= 0.3
    found, expected = style_of(tilted(x, tilt), RATE), style_under(style_of(x, RATE), tilt)
    levels = slice(0, BANDS)
    torch.testing.assert_close(found[levels], expected[levels], atol=0.01, rtol=0)
    assert torch.equal(expected[BANDS:], style_of(x, RATE)[BANDS:])


def test_a_setting_is_varied_for_reference_and_target_and_a_content_for_input_and_target(
    monkeypatch,
):
    def with_tilts(setting, content):
        monkeypatch.setattr(examples, "TILT", setting)
        monkeypatch.setattr(examples, "CONTENT_TILT", content)
        return drawn(numbered(), 5)

    for plain, one in zip(with_tilts(0.0, 0.0), with_tilts(0.3, 0.0), strict=True):
        tilt = one.reference[:BANDS]
        assert tilt.any() and torch.equal(one.own, plain.own) and torch.equal(one.x, plain.x)
        torch.testing.assert_close(one.target, tilted(plain.target, tilt), atol=1e-4, rtol=1e-4)
    for plain, one in zip(with_tilts(0.0, 0.0), with_tilts(0.0, 0.3), strict=True):
        tilt = one.own[:BANDS]
        assert tilt.any() and not torch.equal(one.reference[:BANDS], tilt)
        torch.testing.assert_close(one.x, tilted(plain.x, tilt), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(one.target, tilted(plain.target, tilt), atol=1e-4, rtol=1e-4)


def test_the_regression_finds_by_how_much_a_target_follows_its_reference():
    """Settings move the means of the reference as far as those of the target."""
    draw = torch.Generator().manual_seed(0)
    groups, pieces, numbers, settings = len(GROUPS), 2, 3 * BANDS + 8, 6
    moved = torch.randn(150, 1, 1, 1, settings, numbers, generator=draw)
    renderings = []
    for own in moved:
        plain = torch.randn(2, 1 + groups, pieces, 1, numbers, generator=draw)
        under = 0.01 * plain + own
        styles = torch.cat((torch.zeros_like(plain), under), 3)
        renderings.append(
            Rendering(torch.zeros(0), torch.ones(groups, pieces, 1 + settings), styles)
        )
    weights = ridge_regression(renderings, settings)
    assert weights.shape == (numbers, 3 * BANDS)
    own, others = weights[: 3 * BANDS].diagonal(), weights[3 * BANDS :]
    # The price, 0.3 of what numbers vary by, leaves 1 / 1.3 of a weight of 1.
    torch.testing.assert_close(own, torch.full_like(own, 1 / 1.3), atol=0.1, rtol=0)
    assert others.abs().max() < 0.1
    silent = [one._replace(peak=torch.zeros_like(one.peak)) for one in renderings]
    again = ridge_regression([*renderings, *silent], settings)
    torch.testing.assert_close(again, weights)


def test_what_does_not_play_is_no_stem():
    kinds = {int(one.reference[BANDS + 1]) for one in drawn(numbered(silent=(0, 1)), 60)}
    assert kinds == {0, 3, 4}


def test_a_rendering_has_the_pieces_the_settings_and_what_was_normalised_again(monkeypatch):
    """With a setting that doubles, and a normalisation that halves."""
    monkeypatch.setattr(examples, "WARM_UP_S", 0.0)
    monkeypatch.setattr(
        examples, "under_a_setting",
        lambda pieces, draw: torch.cat((pieces[:, :1], 2 * pieces), 1).transpose(0, 1),
    )  # fmt: skip
    monkeypatch.setattr(
        examples, "fx_normalise", lambda stems, rate: {k: x / 2 for k, x in stems.items()}
    )
    pieces = 0.1 * torch.randn(2, 4, 2, 22_050, generator=torch.Generator().manual_seed(0))
    pieces[1, 2] = 0
    made = render_pieces(pieces, 2, 1, torch.Generator())
    assert made.audio.shape == (4, 2, 4, 2, 22_050)
    assert (made.peak[2, 1] == 0).all() and (made.peak[2, 0] > 0).all()
    heard = made.audio / FULL_SCALE * made.peak[..., None, None]
    stems = pieces.transpose(0, 1)
    for column, factor in enumerate((1.0, 2.0, 2.0, 1.0)):
        torch.testing.assert_close(heard[:, :, column], factor * stems, atol=1e-4, rtol=0)
    torch.testing.assert_close(made.styles[0, 1, 0, 1], style_of(2 * pieces[0, 0], RATE))
    torch.testing.assert_close(made.styles[1, 0, 0, 0], style_of(pieces[0].sum(0).flip(0), RATE))


def test_renderings_are_kept_and_the_same_again(tmp_path, monkeypatch):
    asked = []

    def fake(pieces, settings, again, generator):
        asked.append((pieces.shape, settings, again))
        return numbered()._replace(peak=torch.rand(4, 2, COLUMNS, generator=generator))

    monkeypatch.setattr(examples, "render_pieces", fake)
    monkeypatch.setattr(
        examples, "draw_song", lambda seed, recorded, draw: torch.rand(1, generator=draw)
    )
    monkeypatch.setattr(examples, "draw_piece", lambda song, draw: song.expand(4, 2, 8))
    kept = Renderings(str(tmp_path), settings=3, again=1)
    first, second = kept(5), kept(5)
    assert len(asked) == 1 and asked[0] == ((2, 4, 2, 8), 3, 1)
    assert torch.equal(first.peak, second.peak) and torch.equal(first.audio, second.audio)
    assert torch.equal(Renderings("", settings=3, again=1)(5).peak, first.peak)
    assert (
        generator_for(5, "rendering").initial_seed() != generator_for(6, "rendering").initial_seed()
    )
    assert not torch.equal(kept(6).peak, first.peak)
