import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.songs.sections import active_sections, loudest_section, to_loudness

RATE = 8000


def test_active_sections_are_those_where_half_of_the_time_is_loud():
    x = torch.zeros(2, 10 * RATE)
    x[1, 2 * RATE : 4 * RATE] = 0.1  # Section 1, whole.
    x[0, 4 * RATE : 5 * RATE - RATE // 5] = 0.1  # 0.8 of 2 s: under half.
    x[0, 7 * RATE : 8 * RATE] = 0.1  # Half of section 3.
    x[0, 8 * RATE :] = 1e-3  # -63 dB of both channels: under the floor.
    assert active_sections(x, RATE, seconds=2.0) == [2 * RATE, 6 * RATE]
    assert active_sections(x, RATE, seconds=2.0, floor_db=-70.0)[-1] == 8 * RATE


def test_the_loudest_section_is_what_a_loop_finds():
    x = torch.randn(2, 500, dtype=torch.float64)
    size = 80
    sums = [x[:, i : i + size].square().sum() for i in range(500 - size + 1)]
    assert loudest_section(x, 1000, seconds=0.08) == int(torch.stack(sums).argmax())
    assert loudest_section(x, 1000, seconds=9.0) == 0
    assert loudest_section(torch.zeros(1, 100), 1000, seconds=0.01) == 0


def test_items_are_brought_to_a_loudness_and_silence_is_left():
    x = torch.stack((0.1 * torch.randn(2, 44_100), 0.003 * torch.randn(2, 44_100)))
    y = to_loudness(torch.cat((x, torch.zeros(1, 2, 44_100))), 44_100, -23.0)
    torch.testing.assert_close(
        measure_loudness(y[:2], 44_100), torch.full((2,), -23.0), rtol=0, atol=1e-3
    )
    assert not y[2].any()


def test_meaningless_sections_are_refused():
    with pytest.raises(ValueError, match="seconds: expected at least"):
        loudest_section(torch.zeros(1, 9), 1000, seconds=0.0)
