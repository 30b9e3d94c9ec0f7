import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dasp.controllers.wave_unet import (
    SAME_PADDED,
    Architecture,
    PaddedWaveUNet,
    WaveUNet,
    load_wave_unet,
    prepared,
    render,
    wave_unet_mix,
    wave_unet_wet,
)
from dasp.mixing.song import Song
from dasp.signal.resample import resample

# The lengths of the paper's network. Levels 1 to 10 downwards: behind the convolution, decimated.
DOWN = [
    (121829, 60915), (60901, 30451), (30437, 15219), (15205, 7603), (7589, 3795),
    (3781, 1891), (1877, 939), (925, 463), (449, 225), (211, 106),
]  # fmt: skip
# Levels 10 to 1 upwards: interpolated, channels with the skip, behind the convolution.
UP = [
    (183, 504, 179), (357, 456, 353), (705, 408, 701), (1401, 360, 1397), (2793, 312, 2789),
    (5577, 264, 5573), (11145, 216, 11141), (22281, 168, 22277), (44553, 120, 44549),
    (89097, 72, 89093),
]  # fmt: skip
NARROW = {"filters": 1, "levels": 10, "down_size": 15, "up_size": 5}
SMALL = {"levels": 3, "filters": 3, "down_size": 5, "up_size": 3}


@pytest.fixture(scope="module")
def paper() -> WaveUNet:
    return Architecture().network()


def small(kind: type[nn.Module], inputs: int = 2) -> nn.Module:
    """A network in float64 whose normalisations, where it has them, have seen something."""
    network = kind(inputs, 2, **SMALL).double()
    with torch.no_grad():
        network(torch.randn(4, inputs, 200 if kind is PaddedWaveUNet else network.lengths(150)[0]))
        for weights in network.parameters():
            weights += 0.1 * torch.randn_like(weights)
    return network.eval()


@pytest.fixture(autouse=True)
def _in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_paper_s_network_has_6_183_450_weights(paper):
    assert sum(weights.numel() for weights in paper.parameters()) == 6_183_450


def test_121_843_samples_become_89_093(paper):
    assert paper.lengths(88_200) == (121_843, 89_093)
    assert paper.lengths(89_093) == (121_843, 89_093)
    assert paper.lengths(89_094) == (121_843 + 1024, 89_093 + 1024)
    assert paper.context == 16_375


def test_every_length_on_the_way_is_the_paper_s():
    """As convolutions see them in a network of one filter, whose lengths are the same."""
    network = WaveUNet(8, 2, **NARROW).float()
    seen = []
    for layer in (*network.down, network.bottleneck, *reversed(network.up), network.output):
        layer.register_forward_hook(
            lambda _, inputs, output: seen.append((inputs[0].shape[-1], output.shape[-1]))
        )
    with torch.no_grad():
        mix = network(torch.randn(1, 8, 121_843, dtype=torch.float32))
    into_down = [121_843, *(decimated for _, decimated in DOWN[:-1])]
    assert seen[:10] == [(x, y) for x, (y, _) in zip(into_down, DOWN, strict=True)]
    assert seen[10] == (106, 92)
    assert seen[11:21] == [(x, y) for x, _, y in UP]
    assert seen[21] == (89_093, 89_093) and mix.shape == (1, 2, 89_093)


def test_widths_are_the_paper_s(paper):
    assert [conv.out_channels for conv in paper.down] == [24 * i for i in range(1, 11)]
    assert paper.bottleneck.out_channels == 264
    assert [conv.in_channels for conv in reversed(paper.up)] == [width for _, width, _ in UP]
    assert paper.output.in_channels == 24 + 8 and paper.output.kernel_size == (1,)


def test_a_length_that_would_lose_samples_is_refused():
    network = WaveUNet(2, 2, **SMALL)
    length, _ = network.lengths(100)
    with pytest.raises(ValueError, match=f"such as {length}, got {length - 1}"):
        network(torch.zeros(1, 2, length - 1))


def test_equals_the_network_written_out():
    network = small(WaveUNet)
    length, _ = network.lengths(40)
    x = torch.randn(2, length)
    expected = written_out({k: v.numpy() for k, v in network.state_dict().items()}, x.numpy(), 3)
    torch.testing.assert_close(
        network(x[None])[0], torch.from_numpy(expected), rtol=1e-11, atol=1e-11
    )


def written_out(weights: dict, x: np.ndarray, levels: int) -> np.ndarray:
    """The paper's equations with loops over filters and NumPy's correlation."""

    def convolve(name, x):
        kernels, biases = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return np.stack([
            b + sum(np.correlate(row, k, "valid") for row, k in zip(x, kernel, strict=True))
            for kernel, b in zip(kernels, biases, strict=True)
        ])  # fmt: skip

    def rectify(x):
        return np.where(x > 0, x, 0.2 * x)

    def middle(x, n):
        lost = x.shape[1] - n
        assert lost % 2 == 0
        return x[:, lost // 2 : x.shape[1] - lost // 2]

    tracks, skips = x, []
    for i in range(levels):
        x = rectify(convolve(f"down.{i}", x))
        skips.append(x)
        x = x[:, 0::2]
    x = rectify(convolve("bottleneck", x))
    for i in reversed(range(levels)):
        n = x.shape[1]
        places = np.linspace(0, n - 1, 2 * n - 1)
        x = np.stack([np.interp(places, np.arange(n), row) for row in x])
        x = rectify(convolve(f"up.{i}", np.concatenate([middle(skips[i], x.shape[1]), x])))
    return convolve("output", np.concatenate([x, middle(tracks, x.shape[1])]))


@pytest.mark.parametrize("kind", [WaveUNet, PaddedWaveUNet])
def test_a_mix_does_not_depend_on_where_windows_end(kind):
    """Windows from the shortest to one that holds the whole song give the same samples."""
    network = small(kind)
    song = 0.02 * torch.randn(2, 203)
    with torch.no_grad():
        whole, *parts = (render(network, song, window=n) for n in (1000, 8, 30, 104))
    assert whole.shape == (2, 203) and whole.abs().amax() < 1
    for mix in parts:
        torch.testing.assert_close(mix, whole, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", [WaveUNet, PaddedWaveUNet])
def test_a_delay_of_whole_coarsest_steps_only_delays(kind):
    """By 2^3 samples decimation meets the same samples again, by 1 it meets others."""
    network = small(kind)
    song = 0.02 * torch.randn(2, 100)
    silence = torch.zeros(2, 8)

    @torch.no_grad()
    def off_by(late: int) -> float:
        late_mix = render(network, torch.cat([silence[:, :late], song], -1))[:, late:]
        return (late_mix - render(network, song)).abs().amax().item()

    assert off_by(8) < 1e-12
    assert off_by(1) > 1e-4


def test_the_same_padded_variant_hears_no_further_than_its_context():
    """A change that is further away from a sample changes nothing; some nearer ones do."""
    network = small(PaddedWaveUNet)
    far = 0
    for place in range(200, 208):
        song = torch.randn(2, 408, requires_grad=True)
        (gradient,) = torch.autograd.grad(network(song[None])[..., place].sum(), song)
        heard = gradient.abs().amax(0).nonzero()
        far = max(far, place - heard.amin().item(), heard.amax().item() - place)
    assert network.context - 2 * 2**3 < far <= network.context


def test_the_same_padded_variant_keeps_its_length():
    network = small(PaddedWaveUNet)
    assert network(torch.randn(1, 2, 64)).shape == (1, 2, 64)
    with pytest.raises(ValueError, match="multiple of 8, got 60"):
        network(torch.randn(1, 2, 60))


def test_the_same_padded_variant_has_twelve_levels_of_24_to_288():
    network = SAME_PADDED.network()
    widths = [24 * i for i in range(1, 13)]
    assert [layer[0].out_channels for layer in network.down] == widths
    assert [layer.stride for layer in network.decimate] == [(2,)] * 12
    normalised = 3  # Weights for each channel: scale and bias of the norm, slope below 0.
    expected = sum(
        above * own * 13 + own + normalised * own  # down
        + own * own * 13 + own  # decimate
        + (own + below) * own * 13 + own + normalised * own  # up
        for above, own, below in zip([8, *widths], widths, [*widths[1:], 288], strict=False)
    )  # fmt: skip
    expected += 288 * 288 + 288 + (24 + 8) * 2 * 5 + 2
    assert sum(weights.numel() for weights in network.parameters()) == expected


def test_it_clips_in_use_and_not_in_training():
    network = small(WaveUNet)
    loud = 100 * torch.randn(1, 2, network.lengths(64)[0])
    assert network(loud).abs().amax() > 1
    mix = render(network, loud[0])
    assert mix.abs().amax() == 1


@pytest.fixture
def weights(tmp_path):
    """A small network of two microphones at 8 kHz, saved as a training leaves it."""
    network = {"slots": ["kick", "snare"], "sample_rate": 8000, **SMALL}
    facts = {"recipe": "wave_unet", "config": {"network": network}}
    path = tmp_path / "weights.safetensors"
    save_file(WaveUNet(2, 2, **SMALL).state_dict(), path, {"dasp": json.dumps(facts)})
    return path


def test_a_missing_microphone_is_a_silent_one(weights):
    snare = 0.1 * torch.randn(1, 500)
    alone = wave_unet_mix(Song.of(["snare"], [snare], 8000), weights)
    beside = wave_unet_mix(Song.of(["BD", "snare"], [torch.zeros(1, 500), snare], 8000), weights)
    assert torch.equal(alone, beside) and alone.abs().amax() > 0


def test_at_another_rate_it_hears_what_it_knows(weights):
    """Tracks at twice its rate are brought to it, and the mix comes back at theirs."""
    tracks = list(resample(0.1 * torch.randn(2, 1, 501), 4000, 16_000))
    mix = wave_unet_mix(Song.of(["kick", "snare"], tracks, 16_000), weights)
    assert mix.shape == (2, tracks[0].shape[-1])
    network, _ = load_wave_unet(weights)
    with torch.no_grad():
        own = render(network.double(), resample(torch.cat(tracks), 16_000, 8000))
    torch.testing.assert_close(mix, resample(own, 8000, 16_000)[:, : mix.shape[-1]])


@pytest.fixture
def two_mixes(tmp_path):
    """A network of three microphones and two mixes, which knows kits that were prepared."""
    network = {
        "slots": ["hihat", "overhead_L", "overhead_R"], "sample_rate": 8000, "prepared": True,
        "mixes": ["dry", "wet"], **SMALL,
    }  # fmt: skip
    facts = {"recipe": "wave_unet", "config": {"network": network}}
    path = tmp_path / "two.safetensors"
    save_file(WaveUNet(3, 4, **SMALL).state_dict(), path, {"dasp": json.dumps(facts)})
    return path


def test_a_network_of_two_mixes_makes_the_one_that_is_asked_for(two_mixes, weights):
    song = Song.of(["OH L", "OH R"], list(torch.randn(2, 1, 500)), 8000)
    dry, wet = wave_unet_mix(song, two_mixes), wave_unet_wet(song, two_mixes)
    assert dry.shape == wet.shape == (2, 500) and not torch.equal(dry, wet)
    assert torch.equal(dry, wave_unet_mix(song, two_mixes, mix="dry"))
    with pytest.raises(ValueError, match="mix: expected one of 'dry', 'wet', got 'damp'"):
        wave_unet_mix(song, two_mixes, mix="damp")
    with pytest.raises(ValueError, match="mix: expected"):
        wave_unet_wet(song, weights)


def test_the_level_of_the_recording_and_the_names_of_the_sides_change_nothing(two_mixes):
    """The kit is mixed as the audience sees it: the hi-hat tells which overhead is which."""
    hat, *noise = torch.randn(3, 1, 16_000)
    left, right = 0.5 * noise[0] + 0.2 * hat, 0.5 * noise[1] + hat
    names = ["hihat", "OH L", "OH R"]
    mix = wave_unet_mix(Song.of(names, [hat, left, right], 8000), two_mixes)
    loud = wave_unet_mix(Song.of(names, [30 * x for x in (hat, left, right)], 8000), two_mixes)
    with pytest.warns(UserWarning, match="the two change sides"):
        turned = wave_unet_mix(Song.of(names, [hat, right, left], 8000), two_mixes)
    torch.testing.assert_close(loud, mix)
    torch.testing.assert_close(turned, mix)


def test_a_prepared_kit_peaks_where_it_was_learnt_and_silence_stays():
    slots = ("kick", "snare")
    kit = prepared(torch.randn(2, 100), slots, 8000)
    assert kit.sum(0).abs().amax().item() == pytest.approx(0.5)
    assert not prepared(torch.zeros(2, 100), slots, 8000).any()


def test_what_is_not_in_the_mix_is_told(weights):
    names = ["Kick In", "Kick Out", "Room", "Vox"]
    song = Song.of(names, list(0.1 * torch.randn(4, 1, 500)), 8000)
    with pytest.warns(UserWarning) as told:
        mix = wave_unet_mix(song, weights)
    assert [str(one.message) for one in told] == [
        "Kick In and Kick Out are heard together, as kick",
        "not in the mix, since no slot is for them: Room, Vox",
    ]
    both = Song.of(["kick"], [song.tracks[0] + song.tracks[1]], 8000)
    torch.testing.assert_close(mix, wave_unet_mix(both, weights))


def test_a_song_without_drums_is_refused(weights):
    song = Song.of(["Vox", "Bass"], list(torch.randn(2, 1, 500)), 8000)
    with pytest.raises(ValueError, match="no microphone of a drum kit among Vox, Bass"):
        wave_unet_mix(song, weights)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="expected weights of the recipe wave_unet"):
        load_wave_unet(path)
    path.write_bytes(b"no such thing")
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_wave_unet(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"padding": "reflect"}, "padding: expected one of"),
        ({"up_size": 4}, "up_size: expected an odd number, got 4"),
        ({"levels": 0}, "levels: expected at least 1"),
    ],
)
def test_architectures_without_a_meaning_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Architecture(**change)
