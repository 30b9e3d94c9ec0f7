import pytest

from dasp.songs.score import (
    FASTEST_BPM,
    PARTS,
    SLOWEST_BPM,
    UNPITCHED,
    compose,
    transposed,
)


def test_a_seed_is_a_score():
    assert compose(7, seconds=20.0) == compose(7, seconds=20.0)
    assert compose(7, seconds=20.0) != compose(8, seconds=20.0)


def test_songs_differ_in_tempo_ensemble_and_sections():
    scores = [compose(seed, seconds=40.0) for seed in range(30)]
    tempi = [score.tempo_bpm for score in scores]
    assert SLOWEST_BPM <= min(tempi) < 85 and 130 < max(tempi) <= FASTEST_BPM
    sizes = {len(score.parts) for score in scores}
    assert min(sizes) >= 3 and len(sizes) >= 5
    for score in scores:
        names = [section.name for section in score.sections]
        assert names == [("verse", "chorus")[i % 2] for i in range(len(names))]


def test_notes_lie_on_the_grid_of_the_tempo():
    """The kick plays on eighths, of which only the off-beats may be late by the swing."""
    for seed in range(10):
        score = compose(seed, seconds=15.0, ensemble=("kick", "snare"))
        eighth_s = 30 / score.tempo_bpm
        for note in score.parts[0].notes:
            place = note.start_s / eighth_s
            late = place - int(place + 1e-9)
            assert late == pytest.approx(0, abs=1e-6) or (int(place) % 2 == 1 and late < 0.14)


def test_all_parts_can_play_and_nothing_begins_after_the_end():
    score = compose(3, seconds=30.0, ensemble=list(PARTS))
    for part in score.parts:
        assert part.notes, part.name
        assert part.role == PARTS[part.name][0]
        assert [note.start_s for note in part.notes] == sorted(n.start_s for n in part.notes)
        assert part.notes[-1].start_s < 30.0


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="ensemble"):
        compose(0, seconds=1.0, ensemble=("kazoo",))
    with pytest.raises(ValueError, match="seconds: expected above 0"):
        compose(0, seconds=0.0)


def test_in_another_key_notes_move_by_one_interval_and_drums_do_not():
    score = compose(5, seconds=10.0, ensemble=list(PARTS))
    higher = transposed(score, 150.0)
    for part, other in zip(score.parts, higher.parts, strict=True):
        interval = 1.0 if part.role in UNPITCHED else 2 ** (1.5 / 12)
        for note, moved in zip(part.notes, other.notes, strict=True):
            assert moved.freq_hz == pytest.approx(interval * note.freq_hz)
            assert moved._replace(freq_hz=note.freq_hz) == note
    assert transposed(score, 0.0) == score
