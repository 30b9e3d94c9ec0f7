"""Diff-MST: the numbers of the published network, and what any size of it must do."""

from dataclasses import replace

import pytest
import torch

from dasp.controllers.console.network import CONSOLES
from dasp.controllers.diff_mst.hearing import MIX_NUMBERS, TRACK_NUMBERS
from dasp.controllers.diff_mst.network import (
    CONSOLE,
    NEAREST,
    PAPER,
    MixingStyleController,
    Size,
    SpectrumEncoder,
    small,
)

TINY = Size(width=16, layers=2, heads=2, feed_forward=16, track=5, bus=3, master=4)


def numbers(*batch, tracks=4):
    draw = torch.Generator().manual_seed(0)
    return (
        torch.randn(*batch, tracks, TRACK_NUMBERS, generator=draw),
        torch.randn(*batch, 2, MIX_NUMBERS, generator=draw),
    )


def moved(model):
    """Weights of the heads that say something: they begin at nothing."""
    for head in (model.track, model.bus, model.master):
        if head is not None:
            torch.nn.init.normal_(head.weight)
    return model.eval()


def test_the_published_network_sets_27_25_and_26_controls_with_191_million_weights():
    """Written out: two encoders, twelve layers, four kinds of tokens, three heads."""
    with torch.device("meta"):
        model = MixingStyleController(PAPER)
    encoder, before = 0, 1
    for width in (64, 128, 256, 512, 1024, 2048):
        encoder += 9 * before * width + 9 * width * width + 4 * width
        before = width
    encoder += 2048 * 512 + 512
    attention = 4 * (512 * 512 + 512)
    layer = attention + 2 * 512 * 2048 + 2048 + 512 + 4 * 512
    heads = 513 * (27 + 25 + 26)
    total = 2 * encoder + 12 * layer + 4 * 512 + heads
    assert sum(weight.numel() for weight in model.parameters()) == total == 190_923_470
    assert (PAPER.track, PAPER.bus, PAPER.master) == (27, 25, 26)


def test_the_published_form_hears_audio_and_the_last_block_has_one_frequency():
    thin = replace(PAPER, width=8, heads=2, layers=1, feed_forward=8, channels=(2,) * 6)
    model = MixingStyleController(thin).eval()
    said = model(0.1 * torch.randn(3, 70_000), 0.1 * torch.randn(2, 70_000))
    assert [x.shape[-1] for x in (said.tracks, said.buses, said.master)] == [27, 25, 26]
    assert said.tracks.shape == (3, 27)
    spectrum = torch.zeros(1, 1, 1025, 513)
    assert SpectrumEncoder(thin).eval().blocks(spectrum).shape[-2:] == (2, 5)  # ends count


def test_absent_tracks_change_nothing_whatever_they_hold():
    model = moved(MixingStyleController(TINY))
    tracks, mix = numbers(3)
    alone = model(tracks, mix)
    padding = torch.full((3, 2, TRACK_NUMBERS), torch.nan)
    mask = torch.tensor([True] * 4 + [False] * 2).expand(3, -1)
    more = model(torch.cat((tracks, padding), -2), mix, mask=mask)
    torch.testing.assert_close(more.tracks[:, :4], alone.tracks)
    torch.testing.assert_close(more.buses, alone.buses)
    torch.testing.assert_close(more.master, alone.master)


def test_tracks_in_another_order_have_their_controls_in_that_order():
    model = moved(MixingStyleController(TINY))
    tracks, mix = numbers()
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(model(tracks[order], mix).tracks, model(tracks, mix).tracks[order])


def test_the_reference_and_the_other_tracks_are_heard():
    model = moved(MixingStyleController(TINY))
    tracks, mix = numbers()
    said = model(tracks, mix).tracks
    assert not torch.allclose(model(tracks, 1 + mix).tracks, said, atol=1e-4)
    other = tracks.clone()
    other[3] += 1
    assert not torch.allclose(model(other, mix).tracks[0], said[0], atol=1e-4)


def test_controls_go_on_from_where_they_stand():
    model = MixingStyleController(TINY).eval()
    tracks, mix = numbers(2)
    stand = 0.1 + 0.8 * torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(1))
    # Nothing has been learnt: nothing is turned.
    torch.testing.assert_close(model(tracks, mix, before=stand).tracks, stand)
    turned = moved(model)(tracks, mix, before=stand).tracks
    assert not torch.allclose(turned, moved(model)(tracks, mix).tracks, atol=1e-3)


@pytest.mark.parametrize("name", CONSOLES)
def test_before_training_a_console_stands_plain(name):
    console = CONSOLES[name]
    model = MixingStyleController(small(console), console).eval()
    said, plain = model(*numbers()), console.to_controls()
    for part in ("tracks", "buses", "master"):
        wanted = getattr(plain, part)
        if wanted is None or not len(wanted):
            assert getattr(said, part) is None
            continue
        found = getattr(said, part).reshape(-1, len(wanted))[0]
        torch.testing.assert_close(
            found, wanted.float().clamp(NEAREST, 1 - NEAREST), atol=1e-4, rtol=0
        )


def test_the_network_of_the_package_has_fewer_bytes_than_a_million():
    model = MixingStyleController(small(CONSOLE), CONSOLE)
    assert 2 * sum(weight.numel() for weight in model.parameters()) < 1_000_000


def test_a_width_that_the_heads_do_not_share_is_refused():
    with pytest.raises(ValueError, match="width: expected a multiple of 3 heads"):
        Size(width=16, heads=3)
