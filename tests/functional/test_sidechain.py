"""Side chains with one channel, for gains of one channel each and for one gain of all."""

import pytest
import torch

from dasp.processors.catalogue import COMPRESSOR, EXPANDER, NOISE_GATE

RATE = 8000
LISTENING = {
    "compressor": (COMPRESSOR, {"threshold_db": -30.0}),
    "compressor, rms": (COMPRESSOR, {"threshold_db": -30.0, "detector": "rms"}),
    "compressor, slow too": (COMPRESSOR, {"threshold_db": -30.0, "slow_mix": 0.5}),
    "compressor, parallel": (COMPRESSOR, {"threshold_db": -30.0, "mix": 0.5}),
    "compressor, ahead": (COMPRESSOR, {"threshold_db": -30.0, "lookahead_ms": 2.0}),
    "compressor, high-pass": (
        COMPRESSOR, {"threshold_db": -30.0, "sidechain_high_pass_hz": 200.0},
    ),
    "expander": (EXPANDER, {"threshold_db": -10.0}),
    "expander, rms": (EXPANDER, {"threshold_db": -10.0, "detector": "rms"}),
    "gate": (NOISE_GATE, {"threshold_db": -10.0, "hold_ms": 1.0}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LISTENING))
@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_mono_side_chain_is_the_same_for_every_channel(name, linked, batch, channels):
    processor, settings = LISTENING[name]
    x = torch.randn(*batch, channels, 300, dtype=torch.float64)
    mono = torch.randn(*batch, 1, 300, dtype=torch.float64, requires_grad=True)
    of_all = mono.detach().expand_as(x).clone()
    y = processor(x, RATE, sidechain=mono, linked=linked, **settings)
    expected = processor(x, RATE, sidechain=of_all, linked=linked, **settings)
    torch.testing.assert_close(y, expected)
    if name != "gate":
        y.square().sum().backward()
        assert mono.grad.isfinite().all() and mono.grad.abs().max() > 0

    state, blocks = None, []
    for i, (part, key) in enumerate(zip(x.split(77, -1), mono.detach().split(77, -1), strict=True)):
        part, state = processor.step(
            part, RATE, state, ends=i == 3, sidechain=key, linked=linked, **settings
        )
        blocks.append(part)
    torch.testing.assert_close(torch.cat(blocks, -1), expected)


@pytest.mark.parametrize("name", ["compressor", "expander", "gate"])
def test_one_mono_side_chain_for_a_batch_of_unlinked_channels(name):
    processor, settings = LISTENING[name]
    x, mono = torch.randn(3, 2, 300), torch.randn(1, 300)
    settings = {**settings, "attack_ms": torch.tensor([1.0, 5.0, 20.0]), "linked": False}
    y = processor(x, RATE, sidechain=mono, **settings)
    expected = processor(x, RATE, sidechain=mono.expand(3, 2, -1), **settings)
    torch.testing.assert_close(y, expected)
