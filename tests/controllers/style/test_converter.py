"""The converter: the numbers of the published one, and what any of them must do."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from dasp.controllers.console.features import BANDS
from dasp.controllers.style.conversion import render
from dasp.controllers.style.converter import HOP, NUMBERS, PAPER, Converter, Size, style_of

TINY = Size(blocks=3, width=16, style=NUMBERS, hidden=12)
WAVEFORM = Size("waveform", blocks=4, kernel=3, width=6, style=10, hidden=0)


def drawn(size, seed=0):
    """A converter whose last layers are no longer at rest."""
    torch.manual_seed(seed)
    converter = Converter(size).eval()
    with torch.no_grad():
        for name, weight in converter.named_parameters():
            if name.startswith(("output", "at_rest")):
                weight.normal_(0.0, 0.1 if name.startswith("output") else 0.02)
        for norm in [m for m in converter.modules() if isinstance(m, nn.BatchNorm1d)]:
            norm.running_mean.normal_(0.0, 0.1)
    return converter.requires_grad_(False)


def music(time, seed=0, batch=()):
    return 0.1 * torch.randn(*batch, 2, time, generator=torch.Generator().manual_seed(seed))


def test_the_published_converter_hears_five_seconds():
    """Each of 14 blocks adds 14 times the distance of its taps, 1, 2, 4 and so on."""
    assert PAPER.receptive_field == 1 + 14 * (2**14 - 1) == 229_363


def test_the_receptive_field_is_what_a_network_hears():
    """Which inputs move one output, in a thin network of the same kernels and distances."""
    size = replace(PAPER, width=1, style=3)
    thin = Converter(size).eval()
    with torch.no_grad():
        for name, weight in thin.named_parameters():
            weight.fill_(0.5 if "convolve.weight" in name or "output" in name else 0.0)
        for norm in [m for m in thin.modules() if isinstance(m, nn.BatchNorm1d)]:
            norm.weight.fill_(0.2)  # or the numbers grow without end
    x = torch.full((1, 2, 2**18), 1e-3, requires_grad=True)
    inner = thin.output(thin._through_blocks(x, torch.zeros(1, 3)))
    moves = torch.autograd.grad(inner[0, 0, 2**17], x)[0][0, 0].nonzero()
    assert moves.max() - moves.min() + 1 == size.receptive_field


def test_the_published_layers_and_how_many_weights_they_have():
    """A convolution, a norm, a film of 2048 to 256 and a grouped way past for each block."""
    with torch.device("meta"):
        converter = Converter(PAPER)
    total, before = 0, 2
    for n, block in enumerate(converter.blocks):
        assert block.convolve.weight.shape == (128, before, 15)
        assert block.convolve.dilation == (2**n,)
        assert block.film.weight.shape == (256, 2048)
        assert block.past.kernel_size == (1,) and block.past.groups == before
        total += 128 * before * 15 + 128 + 2 * 128 + 2048 * 256 + 256 + 128
        before = 128
    assert converter.output.weight.shape == (2, 128, 1)
    total += 2 * 128 + 2
    assert sum(weight.numel() for weight in converter.parameters()) == total == 10_549_762


def test_the_published_form_is_held_within_full_scale():
    converter = Converter(WAVEFORM).eval()
    y = converter(100 * music(500, batch=(2,)), torch.randn(2, 10), torch.zeros(2, 10))
    assert y.shape == (2, 2, 500) and y.abs().max() <= 1.0


def test_an_untrained_network_leaves_music_as_it_is():
    x, styles = music(5000, batch=(3,)), torch.randn(2, 3, NUMBERS)
    torch.testing.assert_close(Converter(TINY).eval()(x, *styles), x, atol=1e-6, rtol=0)


def test_another_reference_is_another_sound_and_items_do_not_hear_each_other():
    converter, x = drawn(TINY), music(4000, batch=(3,))
    reference, own = torch.randn(2, 3, NUMBERS, generator=torch.Generator().manual_seed(1))
    y = converter(x, reference, own)
    alone = [converter(*(part[i : i + 1] for part in (x, reference, own)))[0] for i in range(3)]
    torch.testing.assert_close(y, torch.stack(alone), atol=1e-6, rtol=1e-4)
    assert (converter(x, reference.flip(0), own) - y).abs().max() > 1e-3


@pytest.mark.parametrize("size", [TINY, WAVEFORM], ids=["bands", "waveform"])
def test_blocks_of_any_length_are_the_whole(size):
    converter, x = drawn(size), music(40_000)
    style = torch.randn(2, size.style, generator=torch.Generator().manual_seed(1))
    whole = converter(x[None], *style[:, None])[0]
    for block in (1, 700, 5000, 10**6):
        y = render(converter, x[:, : 3000 if block == 1 else None], *style, block=max(block, 64))
        if block > 1:
            torch.testing.assert_close(y, whole, atol=1e-6, rtol=1e-4)
        assert y.shape[-1] == (3000 if block == 1 else 40_000)


@pytest.mark.parametrize("size", [TINY, WAVEFORM], ids=["bands", "waveform"])
def test_less_context_than_it_says_would_be_heard(size):
    """The context is no more than what is needed, to a frame or a sample."""
    converter, x = drawn(size), music(40_000)
    style = torch.randn(2, size.style, generator=torch.Generator().manual_seed(1))
    whole = converter(x[None], *style[:, None])[0]
    step, context = converter.step, converter.context
    place = 20 * HOP
    for kept, same in ((context, True), (context - step, False)):
        y = converter(x[None, :, place - kept :], *style[:, None])[0, :, kept:]
        assert torch.allclose(y, whole[:, place:], atol=1e-6, rtol=1e-4) == same


def test_the_identity_of_every_width_and_balance():
    """A gain, a width and a leaning of all bands alike, set by hand, are those of the waveform."""
    converter = Converter(TINY).eval()
    x, styles = music(8000, batch=(1,)), torch.zeros(2, 1, NUMBERS)
    gain, width, to_side, to_mid = 0.5, 0.25, 0.3, -0.2
    nepers = [5 * torch.atanh(torch.tensor(v).log() / 5).item() for v in (gain, width)]
    with torch.no_grad():
        for part, value in zip(
            converter.at_rest.bias.view(4, -1), (*nepers, to_side, to_mid), strict=True
        ):
            part.fill_(value)
    mid, side = x.sum(-2) / 2, (x[:, 0] - x[:, 1]) / 2
    new_mid, new_side = gain * (mid + to_mid * side), gain * (width * side + to_side * mid)
    expected = torch.stack((new_mid + new_side, new_mid - new_side), -2)
    torch.testing.assert_close(converter(x, *styles), expected, atol=1e-5, rtol=1e-4)


def test_silence_and_one_sample_are_finite():
    converter = drawn(TINY)
    for x in (torch.zeros(1, 2, 3000), torch.ones(1, 2, 1)):
        y = converter(x, *torch.zeros(2, 1, NUMBERS))
        assert y.shape == x.shape and y.isfinite().all()


def test_sizes_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="works_on: expected one of"):
        Size("pictures")
    with pytest.raises(ValueError, match="kernel: expected an odd number, got 4"):
        Size(kernel=4)
    with pytest.raises(ValueError, match="blocks"):
        Size(blocks=0)


def test_a_style_is_the_mean_and_deviation_of_what_is_heard_beside_an_embedding():
    x = music(22_050, batch=(2,))
    found, louder = style_of(x, 44_100), style_of(2 * x, 44_100)
    assert found.shape == (2, NUMBERS)
    change = louder - found
    torch.testing.assert_close(change[:, :64], torch.full((2, 64), 0.301), atol=1e-3, rtol=0)
    assert change[:, 194 : 2 * 194].abs().max() < 1e-3  # no deviation has moved
    torch.testing.assert_close(found[:, -128:].square().mean(-1), torch.ones(2), atol=1e-4, rtol=0)


def test_gains_at_rest_follow_the_style_of_the_reference():
    """With weights that are 1 for each band, music gets the very levels of the reference."""
    converter = Converter(TINY).eval()
    converter.set_at_rest(torch.eye(NUMBERS, 3 * BANDS))
    x = music(44_100, batch=(1,))
    own, quiet = style_of(x, 44_100), style_of(0.25 * x, 44_100)
    torch.testing.assert_close(converter(x, quiet, own), 0.25 * x, atol=2e-3, rtol=0.05)
    mid, side = (x[:, :1] + x[:, 1:]) / 2, (x[:, :1] - x[:, 1:]) / 2
    narrow = torch.cat((mid + side / 4, mid - side / 4), 1)
    found = converter(x, style_of(narrow, 44_100), own)
    torch.testing.assert_close(found, narrow, atol=0.02, rtol=0.1)
    leaning = x * torch.tensor([[1.2], [0.8]])
    found = converter(x, style_of(leaning, 44_100), own)
    assert found[0, 0].square().mean() / found[0, 1].square().mean() > 1.3
