import pytest
import torch

from dasp.training import Schedule

STEPS = 20


def _by_torch(make) -> list[float]:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimiser)
    rates = []
    for _ in range(STEPS):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (Schedule(), lambda o: torch.optim.lr_scheduler.ConstantLR(o, 1.0)),
        (
            Schedule("cosine", final=0.1),
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS, 0.1),
        ),
        (
            Schedule("multistep", milestones=(3, 11), factor=0.2),
            lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [3, 11], 0.2),
        ),
    ],
)
def test_the_schedulers_of_torch(schedule, make):
    ours = [schedule(step, STEPS) for step in range(STEPS)]
    assert ours == pytest.approx(_by_torch(make), rel=1e-12)


@pytest.mark.parametrize("kind", ["constant", "cosine", "multistep"])
def test_a_warm_up_is_a_straight_line_to_the_full_rate(kind):
    schedule = Schedule(kind, warm_up_steps=4)
    assert [schedule(step, STEPS) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert schedule(STEPS, STEPS) == pytest.approx(0.0 if kind == "cosine" else 1.0)
