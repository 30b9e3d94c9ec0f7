import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal import backends
from dasp.signal.backends import recurrence_torch
from dasp.signal.ballistics import ballistics
from dasp.units import smoothing_coefficient


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def tensor(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def loop(x, attack, release, zi):
    """Equation 16 of the source, sample by sample, for one row."""
    y, last = np.empty(len(x)), zi
    for n, sample in enumerate(x):
        pole = attack if sample > last else release
        last = pole * last + (1 - pole) * sample
        y[n] = last
    return y


@pytest.fixture(params=[pytest.param("numba", marks=pytest.mark.numba), "torch"])
def backend(request, monkeypatch):
    monkeypatch.setattr(backends, "HAS_NUMBA", request.param == "numba")


# Faster attack, slower attack, no time at all.
POLES = [(0.9, 0.999), (0.99, 0.5), (0.0, 0.99), (0.99, 0.0), (0.0, 0.0)]


@pytest.mark.parametrize("attack, release", POLES)
@pytest.mark.parametrize("time", [1, 2, 63, 1000])
def test_equals_the_loop(backend, attack, release, time):
    x, zi = randn(3, time).cumsum(-1), randn(3)
    y, zf = ballistics(x, torch.tensor(attack), torch.tensor(release), zi)
    # The poles are numbers in the type of the tensors that carry them.
    attack, release = float(torch.tensor(attack)), float(torch.tensor(release))
    for i in range(3):
        expected = loop(x[i].numpy(), attack, release, zi[i].item())
        np.testing.assert_allclose(y[i], expected, rtol=0, atol=1e-12)
    assert torch.equal(zf, y[:, -1])


def test_equal_times_are_a_linear_filter(backend):
    x = randn(2, 2000)
    y, _ = ballistics(x, tensor(0.95)[0], tensor(0.95)[0])
    np.testing.assert_allclose(
        y, scipy.signal.lfilter([0.05], [1.0, -0.95], x.numpy()), rtol=0, atol=1e-12
    )


def test_attack_and_release_cover_63_percent_each_in_its_time():
    attack, release = (smoothing_coefficient(ms, 48_000) for ms in tensor(5.0, 50.0))
    x = torch.cat((torch.ones(1, 48_000), torch.zeros(1, 48_000)), -1).double()
    y, _ = ballistics(x, attack, release)
    assert y[0, 239].item() == pytest.approx(1 - np.exp(-1), rel=1e-9)  # 5 ms are 240 samples
    assert y[0, 48_000 + 2399].item() == pytest.approx(np.exp(-1), rel=1e-9)


def test_both_times_are_live():
    x = randn(1, 500)
    y, _ = ballistics(x, tensor(0.5)[0], tensor(0.9)[0])
    assert not torch.allclose(y, ballistics(x, tensor(0.5)[0], tensor(0.99)[0])[0])
    assert not torch.allclose(y, ballistics(x, tensor(0.1)[0], tensor(0.9)[0])[0])


def test_blocks_equal_the_whole(backend):
    x, attack, release = randn(2, 1000), tensor(0.8)[0], tensor(0.99)[0]
    whole, last = ballistics(x, attack, release)
    blocks, zi = [], None
    for block in x.split((1, 0, 130, 500, 369), -1):
        y, zi = ballistics(block, attack, release, zi)
        blocks.append(y)
    torch.testing.assert_close(torch.cat(blocks, -1), whole, rtol=0, atol=1e-14)
    torch.testing.assert_close(zi, last, rtol=0, atol=1e-14)


def test_each_row_has_its_own_times(backend):
    x = randn(2, 3, 200)
    attack = torch.rand(2, 1, dtype=torch.float64)  # an item's, shared by its channels
    release = torch.rand(2, 3, dtype=torch.float64)
    y, zf = ballistics(x, attack, release)
    assert zf.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            expected = loop(x[i, j].numpy(), attack[i, 0].item(), release[i, j].item(), 0.0)
            np.testing.assert_allclose(y[i, j], expected, rtol=0, atol=1e-12)


@pytest.mark.numba
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-13)])
def test_the_backends_agree(dtype, tolerance):
    """On a level in dB with onsets, as a compressor has it."""
    from dasp.signal.backends import recurrence_numba

    n = torch.arange(20_000)
    x = (20 * torch.exp(-(n % 4000) / 800) + torch.randn(3, len(n))).to(dtype)
    rows = [torch.full((3,), value, dtype=dtype) for value in (0.99, 0.9995, 0.0)]
    torch.testing.assert_close(
        recurrence_torch.ballistics(x, *rows),
        recurrence_numba.ballistics(x, *rows),
        rtol=0,
        atol=20 * tolerance,
    )


@pytest.mark.parametrize("sound", ["noise", "constant", "steps", "alternating", "silence"])
def test_the_portable_scan_ends_on_any_sound(sound):
    n = torch.arange(3000)
    x = {
        "noise": torch.randn(len(n)),
        "constant": torch.full((len(n),), 0.1),
        "steps": (n // 100 % 2).float(),
        "alternating": (-1.0) ** n,
        "silence": torch.zeros(len(n)),
    }[sound][None]
    rows = torch.tensor([0.3]), torch.tensor([0.9]), torch.tensor([0.1])
    expected = loop(x[0].double().numpy(), *(value.item() for value in rows))
    y = recurrence_torch.ballistics(x, *rows)
    np.testing.assert_allclose(y[0], expected, rtol=0, atol=1e-6)


def test_no_samples():
    y, zf = ballistics(torch.zeros(2, 0), torch.tensor(0.5), torch.tensor(0.5), torch.ones(2))
    assert y.shape == (2, 0) and torch.equal(zf, torch.ones(2))


def test_gradients(backend):
    arguments = randn(2, 8), tensor(0.3, 0.6), tensor(0.8, 0.2), randn(2)
    arguments = tuple(argument.requires_grad_() for argument in arguments)
    torch.autograd.gradcheck(ballistics, arguments, check_forward_ad=True)
    torch.autograd.gradgradcheck(ballistics, arguments)


def test_the_gradient_of_a_rise_is_the_attacks():
    """y = 1 - p^n while it rises: dy/dp = -n p^(n-1), and none to the release."""
    attack, release = (value.requires_grad_() for value in tensor(0.9, 0.5))
    y, _ = ballistics(torch.ones(1, 10, dtype=torch.float64), attack, release)
    y[0, -1].backward()
    assert attack.grad.item() == pytest.approx(-10 * 0.9**9)
    assert release.grad.item() == 0.0


def test_forward_mode_by_value():
    """Along each argument, what central differences say, far from any change of branch."""
    values, step = (randn(1, 300), *tensor(0.7, 0.95), randn(1)), 1e-6
    tangents = tuple(torch.randn_like(value) for value in values)
    _, (dy, _) = torch.func.jvp(ballistics, values, tangents)
    ahead, behind = (
        ballistics(*(v + sign * step * t for v, t in zip(values, tangents, strict=True)))[0]
        for sign in (1, -1)
    )
    torch.testing.assert_close(dy, (ahead - behind) / (2 * step), rtol=0, atol=1e-6)


def test_vmap():
    x, zi = randn(3, 2, 100), randn(3, 2)
    attack, release = torch.rand(2, 3, dtype=torch.float64)
    y, zf = torch.vmap(ballistics)(x, attack, release, zi)
    for i in range(3):
        expected = ballistics(x[i], attack[i], release[i], zi[i])
        torch.testing.assert_close((y[i], zf[i]), expected)


def test_compiled_and_exported():
    torch.compiler.reset()
    results = []
    values = randn(2, 50), *tensor(0.5, 0.9), randn(2)
    compiled = torch.compile(ballistics, fullgraph=True, backend="aot_eager")
    for function in (ballistics, compiled):
        arguments = [value.clone().requires_grad_() for value in values]
        y, zf = function(*arguments)
        (y.square().sum() + zf.sum()).backward()
        results.append([y.detach(), zf.detach(), *(argument.grad for argument in arguments)])
    for eager, traced in zip(*results, strict=True):
        torch.testing.assert_close(traced, eager)

    class Follower(torch.nn.Module):
        def forward(self, x, attack, release):
            return ballistics(x, attack, release)[0]

    exported = torch.export.export(Follower(), values[:3]).module()
    arguments = randn(2, 50), *tensor(0.2, 0.7)
    torch.testing.assert_close(exported(*arguments), ballistics(*arguments)[0])
