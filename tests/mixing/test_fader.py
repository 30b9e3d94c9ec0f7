"""The fader of a strip is its last gain stage that is not locked."""

from dasp.mixing.fader import louder
from dasp.processors.catalogue import GAIN, HIGH_PASS
from dasp.processors.stage import Stage

TRIM, FADER = Stage(GAIN, {"gain_db": 3.0}), Stage(GAIN, {"gain_db": -10.0})


def test_the_last_gain_stage_moves_and_no_other():
    trim, eq, fader = louder((TRIM, Stage(HIGH_PASS), FADER), 4.0)
    assert (trim, eq) == (TRIM, Stage(HIGH_PASS))
    assert fader.settings == {"gain_db": -6.0}


def test_a_locked_stage_is_no_fader():
    trim, locked = louder((TRIM, FADER._replace(locked=True)), 4.0)
    assert trim.settings == {"gain_db": 7.0}
    assert locked == FADER._replace(locked=True)


def test_a_strip_without_a_fader_gets_one_where_it_is_to_move():
    assert louder((Stage(HIGH_PASS),), 4.0) == (Stage(HIGH_PASS), Stage(GAIN, {"gain_db": 4.0}))
    assert louder((Stage(HIGH_PASS),), 0.0) == (Stage(HIGH_PASS),)


def test_all_of_a_moving_fader_moves_as_far_as_its_range_goes():
    moving = Stage(GAIN, {}, {"time_s": [0, 1], "gain_db": [-6.0, 22.0]})
    (moved,) = louder((moving,), 4.0)
    assert moved.automation == {"time_s": [0, 1], "gain_db": [-2.0, 24.0]}
