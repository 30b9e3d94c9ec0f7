"""Least squares, beside closed forms and SciPy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize
import torch

from dasp.estimation.differences import by_differences, differences
from dasp.estimation.levenberg_marquardt import (
    PACE,
    Damping,
    Equations,
    Objective,
    Pull,
    Stop,
    levenberg_marquardt,
)

T = torch.linspace(0, 4, 50, dtype=torch.float64)


def decay(u: torch.Tensor) -> torch.Tensor:
    """Two decays, which share their unknowns: a classic of curve fitting."""
    a, b, c = (u[..., i, None] for i in range(3))
    return a * torch.exp(-b * T) + c * torch.exp(-3 * b * T)


TRUE = torch.tensor([2.0, 0.7, -1.2], dtype=torch.float64)
START = torch.tensor([[1.0, 0.3, 0.0], [0.5, 1.5, 0.2]], dtype=torch.float64)


FOUR = Damping(first=1e-2, tries=(0.03, 0.3, 3.0, 30.0), after_success=1.0, after_failure=100.0)
"""As a fit of a chain has it, but for the limit on the length of a step."""


def solved(residual, u, *, directions=None, low=-math.inf, high=math.inf, steps=60, **options):
    """The least squares of a residual, by differences."""
    squares = by_differences(residual, directions=directions, low=low, high=high)
    stops = {name: options.pop(name) for name in ("goal", "rival") if name in options}
    stop = Stop(steps, patience=5, least_gain=0.15, **stops)
    return levenberg_marquardt(squares, u, low=low, high=high, stop=stop, **options)


@pytest.mark.parametrize("damping", [Damping(), *(replace(FOUR, power=p) for p in (0.0, 0.5, 1.0))])
def test_every_start_finds_a_known_answer(damping):
    target = decay(TRUE)
    options = {"goal": 1e-24, "damping": damping}
    together = solved(lambda u: decay(u) - target, START, **options)
    assert (together - TRUE).abs().max(-1).values.min() < 1e-8
    for start in START:
        alone = solved(lambda u: decay(u) - target, start[None], **options)
        torch.testing.assert_close(alone[0], TRUE, atol=1e-8, rtol=0)


def test_the_residual_that_remains_is_scipys():
    noise = 1e-3 * torch.randn(50, dtype=torch.float64)
    target = decay(TRUE) + noise
    found = solved(lambda u: decay(u) - target, START[:1])
    reference = scipy.optimize.least_squares(
        lambda u: (decay(torch.from_numpy(u)) - target).numpy(), START[0].numpy()
    )
    np.testing.assert_allclose(found[0].numpy(), reference.x, atol=1e-4)


def test_a_step_is_that_of_the_damped_normal_equations():
    """For r = A u - b, with the λ that wins of the four that are tried."""
    A = torch.tensor([[3.0, 1.0], [0.0, 0.01], [1.0, 0.0]], dtype=torch.float64)
    b = torch.tensor([0.1, 0.2, -0.1], dtype=torch.float64)
    for power in (0.0, 0.5, 1.0):
        damping = replace(FOUR, power=power, longest=0.5)
        found = solved(lambda u: u @ A.T - b, torch.zeros(1, 2).double(), steps=1, damping=damping)
        diagonal = torch.diagonal(A.T @ A)
        S = torch.diag(diagonal**power * diagonal.max() ** (1 - power))
        steps = [torch.linalg.solve(A.T @ A + 1e-2 * f * S, A.T @ b) for f in (0.03, 0.3, 3, 30)]
        steps = [du * min(1, 0.5 / du.abs().max().item()) for du in steps]
        best = min(steps, key=lambda du: (A @ du - b).square().sum())
        torch.testing.assert_close(found[0], best)


def test_differences_along_any_direction():
    directions = torch.randn(4, 3, dtype=torch.float64)
    estimated = differences(decay, START, directions)
    assert estimated.shape == (4, 2, 50)
    a, b, c = START[0]
    along_a = torch.exp(-b * T)
    along_b = -T * (a * torch.exp(-b * T) + 3 * c * torch.exp(-3 * b * T))
    along_c = torch.exp(-3 * b * T)
    by_hand = directions @ torch.stack((along_a, along_b, along_c))
    torch.testing.assert_close(estimated[:, 0], by_hand, atol=1e-4, rtol=1e-4)


def written_out(u):
    """The derivatives of `decay` in closed form, `(3, 50)`."""
    a, b, c = u
    along_b = -T * (a * torch.exp(-b * T) + 3 * c * torch.exp(-3 * b * T))
    return torch.stack((torch.exp(-b * T), along_b, torch.exp(-3 * b * T)))


@pytest.mark.parametrize("high", [math.inf, 2.0])
def test_the_first_equations_are_those_of_the_closed_form(high):
    """Also at the upper end of a range, beyond which nothing is tried."""

    def residual(u):
        assert (u <= high).all()
        return decay(u)

    u = torch.tensor([[2.0, 0.7, -1.2]], dtype=torch.float64)
    found = by_differences(residual, high=high).equations(u)
    J = written_out(u[0])
    assert found.is_exact
    torch.testing.assert_close(found.matrix[0], J @ J.T, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found.slope[0], J @ decay(u)[0], rtol=1e-3, atol=1e-3)


def test_derivatives_are_carried_along_without_a_call():
    """What changed along the step is known, and of a straight residual all is known."""
    rows = []

    def counted(residual):
        rows.clear()
        return by_differences(lambda u: rows.append(u[..., 0].numel()) or residual(u))

    A = torch.randn(50, 3, dtype=torch.float64)
    straight = counted(lambda u: u @ A.T - 1)
    straight.equations(START)
    tries = torch.stack((START + 0.3, START + 0.1))
    straight.error(tries)
    found = straight.equations(tries[1])
    assert rows == [2, 6, 4] and not found.is_exact.any()
    torch.testing.assert_close(found.matrix, (A.T @ A).expand(2, 3, 3), rtol=1e-6, atol=1e-6)

    bent, u = counted(decay), START[:1]
    first = bent.equations(u)
    step = torch.tensor([[0.05, 0.1, -0.05]], dtype=torch.float64)
    bent.error((u + step)[None])
    found = bent.equations(u + step)
    change = decay(u + step) - decay(u)
    assert not found.is_exact and rows == [1, 3, 1]
    torch.testing.assert_close((step @ found.matrix[0] @ step.T)[0, 0], change.square().sum())
    assert (step @ first.matrix[0] @ step.T - change.square().sum()).abs() > 1e-4


def test_derivatives_are_taken_anew_where_they_foretell_nothing_or_are_asked_for_again():
    squares, far = by_differences(decay), START[:1] + torch.tensor([[0.0, 3.0, 0.0]])
    squares.equations(START[:1])
    assert squares.equations(far).is_exact
    assert not squares.equations(far + 0.01).is_exact
    again = squares.equations(far + 0.01)
    J = written_out(far[0] + 0.01)
    assert again.is_exact
    torch.testing.assert_close(again.matrix[0], J @ J.T, rtol=1e-3, atol=1e-3)


def test_where_no_step_helps_equations_that_are_not_exact_are_asked_for_again():
    """And λ is not raised for what is not the fault of the step."""
    places = []

    def equations(u):
        places.append(u.item())
        wrong = len(places) == 1
        return Equations(torch.eye(1).double(), (3 - u) if wrong else (u - 3), is_exact=not wrong)

    square = Objective(lambda u: (u - 3).square().sum(-1), equations)
    damping = Damping(first=1e-9)
    found = levenberg_marquardt(square, torch.zeros(1).double(), stop=Stop(2), damping=damping)
    assert places == [0.0, 0.0] and found.item() == pytest.approx(3, abs=1e-6)


def test_a_start_that_cannot_beat_its_rival_is_given_up():
    """The least of a residual that is not zero at its best is soon known to be too much."""
    calls = []
    target = decay(TRUE) + torch.linspace(-1, 1, 50).double() ** 3
    for rival in (math.inf, 1e-6):
        errors = []
        solved(
            lambda u: decay(u) - target,
            START[:1],
            rival=rival,
            on_step=lambda E, errors=errors: errors.append(E.item()),
        )
        calls.append(len(errors))
    assert PACE <= calls[1] < calls[0]


def test_each_start_ends_by_itself_and_takes_no_time_from_there_on():
    """One start is at its answer, the others come from afar; of what is left, 1 is the least."""
    sizes, targets = [], torch.tensor([0.0, 5.0, 7.0], dtype=torch.float64)[:, None]

    def residual(u):
        sizes.append(u.shape[-2])
        own = targets[: u.shape[-2]] if u.shape[-2] == 3 else targets[1:][: u.shape[-2]]
        return torch.cat(((u - own).pow(3), torch.ones_like(u)), -1)

    start = torch.zeros(3, 1, dtype=torch.float64)
    found = solved(residual, start, goal=0.0)
    assert sizes[0] == 3 and sizes[-1] < 3
    assert found[0] == 0 and (found[1:] - targets[1:]).abs().max() < 1


def test_all_end_where_one_is_at_the_goal():
    calls = []

    def residual(u):
        calls.append(u.shape)
        return decay(u) - decay(TRUE)

    start = torch.stack((TRUE + 1e-9, START[0]))
    assert solved(residual, start, goal=1e-12).equal(start) and len(calls) == 1


def test_derivatives_are_taken_anew_only_for_the_starts_that_need_it():
    rows = []
    squares = by_differences(lambda u: rows.append(u[..., 0].numel()) or decay(u))
    squares.equations(START)
    near, far = START[0] + 1e-3, START[1] + torch.tensor([0.0, 3.0, 0.0])
    found = squares.equations(torch.stack((near, far)))
    assert rows == [2, 6, 2, 3] and found.is_exact.tolist() == [False, True]
    for u, matrix, slope in zip((near, far), found.matrix, found.slope, strict=True):
        J = written_out(u)
        torch.testing.assert_close(matrix, J @ J.T, rtol=1e-2, atol=1e-2)
        torch.testing.assert_close(slope, J @ decay(u), rtol=1e-2, atol=1e-2)


def test_a_few_random_directions_at_a_time_arrive_too():
    target = decay(TRUE)
    generator = torch.Generator().manual_seed(0)

    def signs():
        return 2 * torch.randint(2, (2, 3), generator=generator).double() - 1

    found = solved(
        lambda u: decay(u) - target, START, steps=300, goal=1e-16, directions=signs, damping=FOUR
    )
    assert (found - TRUE).abs().max(-1).values.min() < 1e-5


def test_a_residual_that_is_not_a_number_is_not_stepped_to():
    def residual(u):
        return torch.where(u > 0.5, u - 1, torch.nan)

    found = solved(residual, torch.full((1, 1), 3.0, dtype=torch.float64), steps=30)
    assert found.item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_an_answer_at_the_ends_of_its_ranges_is_scipys(power):
    A = torch.randn(50, 6, dtype=torch.float64)
    b = A @ torch.tensor([-1.0, 0.2, 0.6, 0.9, 1.5, 3.0], dtype=torch.float64)
    reference = scipy.optimize.lsq_linear(A.numpy(), b.numpy(), bounds=(0, 1)).x
    start = torch.rand(1, 6, dtype=torch.float64)
    damping = Damping(power=power)
    found = solved(lambda u: u @ A.T - b, start, low=0.0, high=1.0, damping=damping)
    np.testing.assert_allclose(found[0].numpy(), reference, atol=1e-4)
    assert {0.0, 1.0} < set(found[0].tolist())


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_a_start_at_the_end_of_its_range_leaves_it(end):
    target = torch.tensor([0.3, 0.6], dtype=torch.float64)
    start = torch.full((1, 2), end, dtype=torch.float64)
    found = solved(lambda u: u - target, start, steps=20, low=0.0, high=1.0)
    torch.testing.assert_close(found[0], target)


def test_no_difference_is_taken_beyond_an_end():
    def residual(u):
        assert u.min() >= 0 and u.max() <= 1
        return u.square()

    u = torch.tensor([[0.0, 0.5, 1.0]], dtype=torch.float64)
    slopes = differences(residual, u, torch.eye(3, dtype=torch.float64), 0.0, 1.0)[:, 0]
    torch.testing.assert_close(slopes, torch.diag(2 * u[0].clamp(1e-3, 1 - 1e-3)))


@pytest.fixture
def valley():
    """E = (u0 + u1 - 1)², of two starts, and how often its equations are asked for."""
    asked = []

    def equations(u):
        asked.append(u)
        slope = (u.sum(-1, keepdim=True) - 1).expand(2, 2)
        return Equations(torch.ones(2, 2, 2, dtype=u.dtype), slope)

    return Objective(lambda u: (u.sum(-1) - 1).square(), equations), asked


def test_a_pull_decides_what_nothing_else_decides(valley):
    """The foot of the perpendicular from the place of rest; and without a pull, from the start."""
    rest = torch.tensor([0.2, 0.0], dtype=torch.float64)
    starts = torch.tensor([[3.0, 0.0], [0.0, -2.0]], dtype=torch.float64)
    pull = Pull(rest, torch.tensor(0.1, dtype=torch.float64))
    options = {"stop": Stop(steps=200), "damping": Damping(power=0.0)}
    found = levenberg_marquardt(valley[0], starts, pull=pull, **options)
    torch.testing.assert_close(found, (rest + 0.4).expand(2, 2), atol=1e-3, rtol=0)
    found = levenberg_marquardt(valley[0], starts, **options)
    torch.testing.assert_close(
        found, torch.tensor([[2.0, -1.0], [1.5, -0.5]], dtype=torch.float64), atol=1e-3, rtol=0
    )


def test_what_has_both_ends_alike_does_not_move(valley):
    start = torch.tensor([[0.3, 0.0], [0.5, 5.0]], dtype=torch.float64)
    low, high = torch.tensor([[-9.0, 0.0], [0.5, -9.0]]), torch.tensor([[9.0, 0.0], [0.5, 9.0]])
    found = levenberg_marquardt(valley[0], start, low=low, high=high, stop=Stop(steps=30))
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0], [0.5, 0.5]]).double())


def test_a_step_that_fails_asks_for_no_new_equations(valley):
    """Whatever the damping: it is a matter of the same matrix."""
    squares, asked = valley
    worse = squares._replace(error=lambda u: (u - 1).abs().sum(-1))
    steps = []
    levenberg_marquardt(worse, torch.ones(2, 2).double(), stop=Stop(steps=50), on_step=steps.append)
    assert len(asked) == 1 and 1 < len(steps) < 50
