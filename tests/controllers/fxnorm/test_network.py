"""FxNorm-automix's network and its baseline: the numbers of the paper, and what they can hear."""

import math

import pytest
import torch
from torch import nn

from dasp.controllers.fxnorm.baseline import BaselineNetwork, BaselineSize
from dasp.controllers.fxnorm.network import (
    LOUDER,
    Block,
    MaskNetwork,
    MaskSize,
    begin_as_a_sum,
    octave_filters,
)

SMALL = MaskSize(
    filters=16, kernel=8, smoothing=16, bottleneck=6, hidden=4, skip=5, blocks=3, repeats=2,
    recurrent=2, expansion=2,
)  # fmt: skip


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def weights_of(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.fixture
def small() -> MaskNetwork:
    torch.manual_seed(0)
    return MaskNetwork(SMALL).eval().requires_grad_(False)


def test_the_paper_s_network_hears_505_frames_and_guards_32_446_samples():
    assert MaskSize().receptive_field == 505
    assert MaskSize().guard == 505 * 64 + 63 + 63


def test_the_temporal_convolutions_hear_as_many_frames_and_no_more():
    """With norms that do nothing, since these know of every frame."""
    size = MaskSize(filters=2, bottleneck=2, hidden=2, skip=2)
    network = MaskNetwork(size)
    for block in network.blocks:
        block.inside[2] = block.inside[5] = nn.Identity()
    x = torch.randn(1, 2, 601, requires_grad=True)
    y, total = x, 0
    for block in network.blocks:
        y, skipped = block(y)
        total = total + skipped
    total[..., 300].sum().backward()
    heard = x.grad.abs().amax((0, 1)).nonzero()[:, 0]
    assert (heard.min().item(), heard.max().item()) == (300 - 252, 300 + 252)


@pytest.mark.parametrize("size", [MaskSize(), SMALL], ids=["paper", "small"])
def test_as_many_weights_as_the_layers_add_up_to(size):
    f, b, h, s = size.filters, size.bottleneck, size.hidden, size.skip
    front = 8 * f * size.kernel + (f * size.smoothing + f)
    enter = 2 * f + (f * b + b)
    inside = (b * h + h) + 1 + 2 * h + (3 * h + h) + 1 + 2 * h
    count = size.blocks * size.repeats
    blocks = count * (inside + h * s + s) + (count - 1) * (h * b + b)
    leave = 1 + (s * f + f)
    one_way = 4 * (f // 2) * (f + f // 2 + 2)
    gate = 2 * size.expansion * f * f + size.expansion * f + f
    expected = front + enter + blocks + leave + size.recurrent * 2 * one_way + gate
    assert weights_of(MaskNetwork(size)) == expected


def test_the_paper_s_network_has_2_719_921_weights():
    assert weights_of(MaskNetwork(MaskSize())) == 2_719_921


@pytest.mark.parametrize("time", [1, 7, 64, 129])
def test_a_mix_is_as_long_as_the_stems_and_within_full_scale(small, time):
    mix = small(100 * noise(3, 8, time))
    assert mix.shape == (3, 2, time) and mix.abs().max() <= 1


def test_songs_of_a_batch_do_not_hear_each_other(small):
    one, other = noise(1, 8, 200), noise(1, 8, 200, seed=1)
    torch.testing.assert_close(small(torch.cat((one, other)))[:1], small(one))


def test_silence_stays_silent(small):
    assert not small(torch.zeros(1, 8, 100)).any()


def test_the_stems_are_put_together_by_the_filters_that_took_them_apart(small):
    """The back end is the transpose: <take_apart(x), c> = <x, put_together(c)>, stem by stem.

    What it gives to one side of the mix is the sum over the stems of that side.
    """
    x, c = noise(1, 8, 50).double(), noise(1, 16, 50, seed=1).double()
    small.double()
    (gradient,) = torch.autograd.grad((small.take_apart(x.requires_grad_()) * c).sum(), x)
    torch.testing.assert_close(small.put_together(c)[0], gradient[0].reshape(4, 2, 50).sum(0))
    assert not any("out" in name or "back" in name for name, _ in small.named_parameters())


def test_swapped_weights_mix_swapped_stems_with_sides_swapped(small):
    """Which side is which is in the filters alone."""
    x = noise(1, 8, 100)
    straight = small(x)
    small.filters.weight.copy_(small.filters.weight.reshape(16, 4, 2, 8).flip(2).flatten(1, 2))
    other_way = small(x.reshape(1, 4, 2, 100).flip(2).flatten(1, 2))
    torch.testing.assert_close(other_way, straight.flip(-2))
    assert (straight - straight.flip(-2)).abs().max() > 1e-4


def test_loudness_is_the_largest_of_a_frame(small):
    """One click is heard in the frame around which it lies, through the smoothing filter."""
    channels = torch.zeros(1, 16, 80)
    channels[..., 43] = 1.0
    small.smooth.weight.zero_()
    small.smooth.weight[..., 7] = 3.0  # the tap in the middle, with 7 before it and 8 behind
    small.smooth.bias.zero_()
    heard = small.loudness(channels)
    assert heard.shape == (1, 16, 10)
    quiet, loud = nn.functional.softplus(torch.tensor([0.0, 3.0])).tolist()
    assert heard[0, 0].tolist() == pytest.approx([quiet] * 5 + [loud] + [quiet] * 4)


def test_channels_are_smoothed_by_a_convolution_each(small):
    channels = noise(2, 16, 80)
    smooth = nn.functional.softplus(small.smooth(nn.functional.pad(channels.abs(), (7, 8))))
    wanted = nn.functional.max_pool1d(smooth, 8)
    torch.testing.assert_close(small.loudness(channels), wanted)


def test_each_frame_has_masks_of_its_own(small, monkeypatch):
    """Masks that let through one frame leave what its filters reach."""
    masks = torch.zeros(1, 16, 10)
    masks[..., 4] = 1.0
    monkeypatch.setattr(small, "masks", lambda loudness: masks)
    sound = small(noise(1, 8, 80))[0].abs().amax(0).nonzero()[:, 0]
    assert 32 - 8 < sound.min() < 32 and 40 <= sound.max() < 40 + 8


def test_a_memory_begins_with_gates_that_hold_on():
    """Forget gates of 1 to 31 frames, log(u) with u drawn evenly; input gates the opposite."""
    network = MaskNetwork(MaskSize(bottleneck=4, hidden=4, skip=4, repeats=1, blocks=1))
    for layer in ("l0", "l0_reverse", "l2"):
        entering, forgetting = (
            getattr(network.recurrent, f"bias_ih_{layer}")[:128].reshape(2, 64).detach()
        )
        torch.testing.assert_close(entering, -forgetting)
        held = forgetting.exp()
        assert held.min() >= 1 and held.max() <= 31 and 12 < held.mean() < 20
        assert not getattr(network.recurrent, f"bias_hh_{layer}")[:128].any()


@pytest.mark.parametrize(("bands", "taps"), [(1, 1), (2, 2), (4, 8), (6, 64), (7, 64)])
def test_octaves_add_up_at_every_frequency(bands, taps):
    power = torch.fft.rfft(octave_filters(bands, taps).double(), 512).abs().square()
    torch.testing.assert_close(power.sum(0), torch.ones(257).double(), rtol=0, atol=1e-6)


def test_octaves_are_an_octave_each():
    """At the middle of an octave of 44.1 kHz its filter has the most."""
    filters = octave_filters(6, 64).double()
    middles = [0.75 * 0.5**i for i in range(5)] + [0.5**5 / 2]
    power = torch.fft.rfft(filters, 4096).abs().square()
    for i, middle in enumerate(middles):
        assert power[:, round(2048 * middle)].argmax() == i


def test_octaves_that_have_no_room_are_refused():
    with pytest.raises(ValueError, match="bands: expected 1 to 7 in 64 taps, got 8"):
        octave_filters(8, 64)


def test_a_network_that_begins_as_a_sum_is_near_it():
    torch.manual_seed(1)
    network = MaskNetwork(MaskSize(filters=48, bottleneck=8, hidden=8, skip=8, repeats=1))
    begin_as_a_sum(network)
    stems = noise(1, 8, 4000)
    with torch.no_grad():
        mix = network.eval()(stems)
    added = (LOUDER * stems.reshape(4, 2, 4000).sum(0)).tanh()
    gain = (mix[0] * added).sum() / added.square().sum()
    assert 0.8 < gain < 1.25
    assert (mix[0] - gain * added).square().sum() < 0.05 * added.square().sum()


def test_a_network_of_middle_and_side_does_not_know_left_from_right():
    torch.manual_seed(1)
    network = MaskNetwork(MaskSize(filters=48, bottleneck=8, hidden=8, skip=8, repeats=1)).eval()
    begin_as_a_sum(network)
    torch.nn.init.normal_(network.gate[2].weight)
    stems = noise(1, 8, 4000)
    with torch.no_grad():
        mix = network(stems)
        other = network(stems.unflatten(1, (4, 2)).flip(2).flatten(1, 2))
    torch.testing.assert_close(other, mix.flip(1), rtol=1e-4, atol=1e-5)
    assert (mix[0, 0] - mix[0, 1]).abs().mean() > 0.01


def test_by_its_logarithm_a_louder_sound_is_heard_as_one_more_of_the_same():
    torch.manual_seed(1)
    size = MaskSize(filters=48, bottleneck=8, hidden=8, skip=8, repeats=1, logarithmic=True)
    network = MaskNetwork(size)
    begin_as_a_sum(network)
    quiet = noise(1, 8, 4096)
    with torch.no_grad():
        heard = [network.loudness(network.take_apart(gain * quiet)) for gain in (1.0, 4.0, 0.0)]
    torch.testing.assert_close(heard[1] - heard[0], torch.full_like(heard[0], math.log(4)))
    assert torch.equal(heard[2], torch.full_like(heard[2], math.log(1e-4)))


@pytest.mark.parametrize("size", [BaselineSize(), BaselineSize(16, 3, 7, 2, hears_stems=True)])
def test_the_baseline_has_as_many_weights_as_its_layers_add_up_to(size):
    taps, f = size.kernel, size.filters
    widths = [f * 2**i for i in range(size.levels)]

    def layer(inputs, outputs):
        return inputs * outputs * taps + outputs + 2 * outputs

    expected = layer(8, f) + layer(widths[-1], widths[-1])
    for i in range(size.levels - 1):
        expected += layer(widths[i], widths[i]) if i else 0
        expected += layer(widths[i], widths[i + 1]) + layer(widths[i + 1], widths[i])
        expected += layer(2 * widths[i], widths[i])
    expected += 2 * (f + 8 * size.hears_stems) + 2
    assert weights_of(BaselineNetwork(size)) == expected


def test_the_paper_s_baseline_has_five_levels_from_24_and_hears_69_samples():
    assert BaselineSize().widths == (24, 48, 96, 192, 384)
    network = BaselineNetwork(BaselineSize(filters=2))
    for layer in network.modules():
        if isinstance(layer, nn.Sequential):
            layer[1], layer[2] = nn.Identity(), nn.Identity()
    x = torch.randn(1, 8, 201, requires_grad=True)
    network(x)[..., 100].sum().backward()
    heard = x.grad.abs().amax((0, 1)).nonzero()[:, 0]
    assert (heard.min().item(), heard.max().item()) == (100 - 34, 100 + 34)


@pytest.mark.parametrize("time", [1, 10, 64, 101])
def test_the_baseline_keeps_the_length(time):
    network = BaselineNetwork(BaselineSize(filters=4, levels=3, stride=4))
    assert network(noise(2, 8, time)).shape == (2, 2, time)


def test_the_baseline_that_hears_the_stems_begins_as_their_sum():
    network = BaselineNetwork(BaselineSize(filters=4, levels=3, stride=2, hears_stems=True))
    stems = noise(1, 8, 50)
    torch.testing.assert_close(network(stems)[0], LOUDER * stems.reshape(4, 2, 50).sum(0))


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (MaskSize, {"filters": 15}, "filters: expected an even number, got 15"),
        (MaskSize, {"blocks": 0}, "blocks: expected at least 1"),
        (MaskSize, {"dropout": 1.0}, "dropout"),
        (BaselineSize, {"kernel": 4}, "kernel: expected an odd number, got 4"),
        (BaselineSize, {"stride": 0}, "stride: expected at least 1"),
    ],
)
def test_sizes_without_a_meaning_are_refused(kind, change, message):
    with pytest.raises(ValueError, match=message):
        kind(**change)


def test_a_block_has_three_taps():
    assert Block(MaskSize(), apart=4, is_last=False).inside[3].weight.shape == (128, 1, 3)
