import torch

from dasp.training.ema import averaged_copy, update_average


def test_a_plain_mean_at_first_and_exponential_in_the_end():
    model = torch.nn.Linear(1, 1, bias=False).double()
    average = averaged_copy(model)
    values = torch.randn(40, dtype=torch.float64)
    expected = model.weight.item()
    for step, value in enumerate(values.tolist(), start=1):
        model.weight.data.fill_(value)
        update_average(average, model, 0.9, step)
        expected = (
            (expected * step + value) / (step + 1) if step < 9 else 0.9 * expected + 0.1 * value
        )
        torch.testing.assert_close(average.weight.item(), expected, rtol=1e-12, atol=1e-12)


def test_buffers_are_copied_and_no_gradient_is_kept():
    model = torch.nn.BatchNorm1d(2)
    average = averaged_copy(model)
    model(torch.randn(8, 2))
    update_average(average, model, 0.9, 1)
    assert torch.equal(average.running_mean, model.running_mean)
    assert average.num_batches_tracked == 1
    assert not any(weight.requires_grad for weight in average.parameters())
