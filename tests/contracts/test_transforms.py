"""What torch does with a function beside calling it: the same values, and the same gradients.

Checkpoints, hooks on what is saved, batches of gradients, Jacobians and Hessians of every kind,
forward mode, `vmap`. What a transform gives is held against the plain call, and that against finite
differences in `test_gradients.py`.
"""

import torch
from torch import Tensor
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import audio, differentiable, draw, every_processor, run

SHORT = 8
"""Samples, where every pair of them counts."""


def value_and_gradients(function, *tensors: Tensor) -> list[Tensor | None]:
    """Of a function of tensors: its value, and the gradients of the sum of its squares."""
    tensors = [t.detach().clone().requires_grad_() for t in tensors]
    y = function(*tensors)
    y.square().sum().backward()
    return [y.detach(), *(t.grad for t in tensors)]


def of_tensors(name: str, settings: dict):
    """The processor as a function of its audio and of all of its parameters, in their order."""
    return lambda x, *values: run(name, x, dict(zip(settings, values, strict=True)))


def assert_same(found, expected, tolerance: float = 1e-9) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        if other is None:
            assert one is None or not one.any()
        else:
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@every_processor
def test_a_checkpoint_changes_nothing(name):
    """What a backward pass needs is computed again, of both kinds of checkpoint."""
    x, settings = audio(name, (2,)), draw(name, (2,))
    function = of_tensors(name, settings)
    plain = value_and_gradients(function, x, *settings.values())
    for reentrant in (False, True):
        again = value_and_gradients(
            lambda *tensors, again=reentrant: checkpoint(function, *tensors, use_reentrant=again),
            x,
            *settings.values(),
        )
        assert_same(again, plain)


@every_processor
def test_hooks_on_what_is_saved_change_nothing(name):
    """Saved tensors may be packed as anything, and are unpacked once."""
    x, settings = audio(name, (2,)), draw(name, (2,))
    function = of_tensors(name, settings)
    plain = value_and_gradients(function, x, *settings.values())

    def pack(t: Tensor) -> list:
        return [t.numpy(force=True).copy()]

    def unpack(box: list) -> Tensor:
        return torch.from_numpy(box.pop())  # of an empty box it is an error

    with saved_tensors_hooks(pack, unpack):
        packed = value_and_gradients(function, x, *settings.values())
    assert_same(packed, plain)
    with save_on_cpu():
        assert_same(value_and_gradients(function, x, *settings.values()), plain)


@every_processor
def test_gradients_in_a_batch(name):
    """`is_grads_batched` is one gradient after the other."""
    x, settings = audio(name, (2,)), draw(name, (2,))
    tensors = [t.requires_grad_() for t in (x, *settings.values())]
    y = of_tensors(name, settings)(*tensors)
    weights = torch.randn(3, *y.shape, dtype=y.dtype)
    single = [
        torch.autograd.grad(y, tensors, w, retain_graph=True, allow_unused=True) for w in weights
    ]
    expected = [None if g[0] is None else torch.stack(g) for g in zip(*single, strict=True)]
    batched = torch.autograd.grad(
        y, tensors, weights, is_grads_batched=True, allow_unused=True, retain_graph=True
    )
    assert_same(batched, expected)
    mapped = torch.func.vmap(
        lambda w: [
            g for g in torch.autograd.grad(y, tensors, w, retain_graph=True, allow_unused=True)
            if g is not None
        ]
    )(weights)  # fmt: skip
    assert_same(mapped, [g for g in expected if g is not None])


@every_processor
def test_jacobians_of_the_audio(name):
    """Every way to ask for one gives the same."""
    x, settings = audio(name, time=SHORT), draw(name)
    jacobian = torch.autograd.functional.jacobian

    def function(x):
        return run(name, x, settings)

    expected = jacobian(function, x)
    found = (
        jacobian(function, x, vectorize=True),
        jacobian(function, x, vectorize=True, strategy="forward-mode"),
        torch.func.jacrev(function)(x),
        torch.func.jacfwd(function)(x),
    )
    assert_same(found, [expected] * len(found))


@every_processor
def test_jacobians_of_the_parameters(name):
    x, settings = audio(name, time=3 * SHORT), draw(name)
    function = of_tensors(name, settings)
    values, places = tuple(settings.values()), tuple(range(1, 1 + len(settings)))
    expected = torch.autograd.functional.jacobian(lambda *values: function(x, *values), values)
    assert_same(torch.func.jacrev(function, argnums=places)(x, *values), expected)
    assert_same(torch.func.jacfwd(function, argnums=places)(x, *values), expected)


@every_processor
def test_hessians(name):
    """Of the audio, and of each parameter: in reverse mode twice, and forward over reverse."""
    x, settings = audio(name, time=SHORT), draw(name)
    hessian = torch.autograd.functional.hessian

    def of_audio(x):
        return run(name, x, settings).square().sum()

    exact = torch.func.hessian(of_audio)(x)
    assert_same([hessian(of_audio, x), hessian(of_audio, x, vectorize=True)], [exact] * 2)
    for key in differentiable(CATALOGUE[name]):

        def of_parameter(value, key=key):
            return run(name, x, {**settings, key: value}).square().sum()

        exact = torch.func.hessian(of_parameter)(settings[key])
        assert_same([hessian(of_parameter, settings[key])], [exact], tolerance=1e-7)


@every_processor
def test_a_gradient_that_will_be_differentiated_is_the_same(name):
    """And a penalty on it has the gradient that finite differences find."""
    x, settings = audio(name, time=3 * SHORT), draw(name)

    def gradient(x: Tensor, create_graph: bool) -> Tensor:
        x = x if create_graph else x.detach().requires_grad_()
        y = run(name, x, settings).square().sum()
        return torch.autograd.grad(y, x, create_graph=create_graph)[0]

    x.requires_grad_()
    penalised = gradient(x, True)
    assert_same([penalised], [gradient(x, False)])
    (second,) = torch.autograd.grad(penalised.square().sum(), x)
    direction, step = torch.randn_like(x), 1e-6
    further, nearer = (
        gradient(x.detach() + sign * step * direction, False).square().sum() for sign in (1, -1)
    )
    expected = (further - nearer) / (2 * step)
    torch.testing.assert_close((second * direction).sum(), expected, rtol=1e-3, atol=1e-3)


@every_processor
def test_gradients_of_every_item_are_mapped(name):
    """`vmap` over `grad`: what each item of a batch would have by itself."""
    x, settings = audio(name, (3,)), draw(name, (3,))
    function = of_tensors(name, settings)
    _, *plain = value_and_gradients(function, x, *settings.values())
    tensors = x, *settings.values()
    gradient = torch.func.grad(
        lambda *tensors: function(*tensors).square().sum(), tuple(range(len(tensors)))
    )
    mapped = torch.func.vmap(gradient)(*tensors)
    assert_same(mapped, [torch.zeros_like(m) if g is None else g
                         for m, g in zip(mapped, plain, strict=True)])  # fmt: skip
