import torch

from dasp.songs.seeds import generator_for


def _numbers(seed, what):
    return torch.rand(4, generator=generator_for(seed, what)).tolist()


def test_seeds_and_purposes_have_numbers_of_their_own():
    drawn = [_numbers(seed, what) for seed in (0, 1, -1, 2**32, 2**40 + 1) for what in "ab"]
    assert len({tuple(numbers) for numbers in drawn}) == len(drawn)
    assert _numbers(3, "a") == _numbers(3, "a")
