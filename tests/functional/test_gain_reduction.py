"""The gain reductions of dynamics processors: the gain between their input and their output."""

import inspect

import pytest
import torch

from dasp import functional as F
from dasp.functional._memory import Memory, State
from dasp.functional.multiband import split_bands

RATE = 8000
DYNAMICS = {
    "compressor": {"threshold_db": -30.0, "ratio": 4.0, "attack_ms": 2.0, "release_ms": 30.0},
    "compressor, ahead": {
        "threshold_db": -30.0, "ratio": 4.0, "attack_ms": 2.0, "release_ms": 30.0,
        "lookahead_ms": 1.3, "slow_mix": 0.4,
    },
    "expander": {"threshold_db": -20.0, "ratio": 2.0, "attack_ms": 2.0, "release_ms": 30.0},
    "noise_gate": {"threshold_db": -20.0, "attack_ms": 2.0, "release_ms": 30.0, "hold_ms": 1.0},
    "limiter": {"ceiling_db": -12.0, "release_ms": 30.0},
    "limiter, true peak": {"ceiling_db": -12.0, "release_ms": 30.0, "true_peak": True},
}  # fmt: skip


def pair(name):
    function = name.split(",")[0]
    return getattr(F, function), getattr(F, f"{function}_gain_reduction"), DYNAMICS[name]


def bursts(*shape):
    """Noise that is loud and soft in turns, and nowhere 0."""
    x = 0.4 * torch.randn(*shape, dtype=torch.float64)
    x = torch.where(x.abs() < 0.01, 0.01, x)
    return x * torch.where(torch.arange(shape[-1]) // 150 % 2 == 0, 0.05, 1.0)


@pytest.mark.parametrize("name", DYNAMICS)
@pytest.mark.parametrize("linked", [True, False])
def test_it_is_the_level_that_the_output_lacks(name, linked):
    processor, reduction, settings = pair(name)
    x = bursts(3, 2, 900)
    lacking_db = -20 * (processor(x, RATE, **settings, linked=linked) / x).log10()
    found_db = reduction(x, RATE, **settings, linked=linked)
    assert found_db.shape == (3, 1 if linked else 2, 900) and found_db.max() > 3
    torch.testing.assert_close(found_db.expand_as(x), lacking_db, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", DYNAMICS)
def test_blocks_equal_the_whole(name):
    _, reduction, settings = pair(name)
    x, blocks, state = bursts(2, 900), [], State()
    parts = x.split(211, -1)
    for i, part in enumerate(parts):
        memory = Memory(state, ends=i == len(parts) - 1)
        blocks.append(reduction(part, RATE, **settings, memory=memory))
        state = memory.after
    whole = reduction(x, RATE, **settings)
    torch.testing.assert_close(torch.cat(blocks, -1), whole, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["expander", "noise_gate"])
def test_a_side_chain_of_its_own_is_heard(name):
    processor, reduction, settings = pair(name)
    x, key = bursts(2, 900), bursts(1, 900).flip(-1)
    y = processor(x, RATE, **settings, sidechain=key)
    found_db = reduction(x, RATE, **settings, sidechain=key)
    torch.testing.assert_close(x * 10 ** (-found_db / 20), y, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["compressor", "expander", "noise_gate"])
def test_a_side_chain_with_one_channel_gives_one_reduction(name):
    _, reduction, settings = pair(name)
    found_db = reduction(bursts(2, 900), RATE, **settings, linked=False, sidechain=bursts(1, 900))
    assert found_db.shape == (1, 900)


@pytest.mark.parametrize("name", ["compressor", "expander", "noise_gate", "limiter", "de_esser"])
def test_it_takes_what_its_processor_takes(name):
    """But for what becomes of the audio behind the gain reduction."""
    of_the_audio = {"makeup_gain_db", "mix"}
    expected = inspect.signature(getattr(F, name)).parameters
    found = inspect.signature(getattr(F, f"{name}_gain_reduction")).parameters
    assert dict(found) == {k: v for k, v in expected.items() if k not in of_the_audio}


def test_the_gain_in_front_of_a_limiter_is_no_reduction():
    x = torch.full((1, 500), 0.1)
    settings = {"ceiling_db": -6.0, "release_ms": 30.0}
    assert not F.limiter_gain_reduction(x, RATE, **settings, gain_db=10.0).any()
    lowered_db = F.limiter_gain_reduction(x, RATE, **settings, gain_db=17.0)
    torch.testing.assert_close(lowered_db[0, 250], torch.tensor(3.0))


@pytest.mark.parametrize("name", DYNAMICS)
def test_half_types_compute_in_single_precision(name):
    _, reduction, settings = pair(name)
    x = bursts(2, 900).to(torch.bfloat16)
    found_db = reduction(x, RATE, **settings)
    assert found_db.dtype is torch.bfloat16
    expected_db = reduction(x.float(), RATE, **settings)
    torch.testing.assert_close(found_db.float(), expected_db, rtol=0.01, atol=0.05)


@pytest.mark.parametrize("linked", [True, False])
def test_that_of_a_de_esser_is_of_its_band(linked):
    x = bursts(2, 900)
    settings = {"freq_hz": 1000.0, "threshold_db": -30.0, "range_db": 9.0, "linked": linked}
    low, high = split_bands(x, torch.tensor([1000.0]).double(), RATE).unbind(-3)
    reduction_db = F.de_esser_gain_reduction(x, RATE, **settings)
    expected = low + high * 10 ** (-reduction_db / 20)
    torch.testing.assert_close(F.de_esser(x, RATE, **settings), expected, rtol=0, atol=1e-9)
    assert reduction_db.max() > 3
