"""Sessions: what each microphone hears, and what stays from song to song."""

import math

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.mixing.roles import KIT_MICROPHONES
from dasp.processors.strip import run_strip
from dasp.songs import drum_sessions
from dasp.songs.drum_sessions import BLEED_DB, Studio, open_session
from dasp.songs.engineer import LEAD_LUFS
from dasp.songs.kit_groove import MICROPHONES, Hit, Kit
from dasp.songs.synthetic import synthetic_song
from dasp.songs.taste import TASTES


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(drum_sessions, "RATE", 24_000)


@pytest.fixture
def kit() -> Kit:
    """Hits of which each microphone hears a noise of its own, the hi-hat quietly."""
    draw = torch.Generator().manual_seed(0)
    strokes = {"ks": 1.0, "sc": 1.0, "ht": 0.1, "th": 1.0, "tm": 1.0, "tl": 1.0}
    return Kit(
        24_000,
        {
            stroke: (Hit(5, 1, level * torch.randn(len(MICROPHONES), 800, generator=draw)),)
            for stroke, level in strokes.items()
        },
    )


def _open(kit: Kit | None, bleed: float) -> Studio:
    return Studio(0, kit, bleed, {name: 1.0 for name in KIT_MICROPHONES})


def _tracks(session: Studio, seed: int) -> dict[str, torch.Tensor]:
    song = session.record(seed)
    return dict(zip(song.names, song.tracks, strict=True))


@pytest.mark.parametrize("real", [True, False])
def test_bleed_is_as_loud_as_it_should_be(real, kit):
    """Close microphones are sums of their own drum and bleed in proportion."""
    none, some, more = (_tracks(_open(kit if real else None, b), 3) for b in (0.0, 0.1, 0.2))
    bleeding = ("hihat", "tom 1", "tom 2") if real else ("kick", "snare", "hihat")
    for name in bleeding:
        assert (some[name] - none[name]).abs().max() > 1e-3
        torch.testing.assert_close(more[name] - none[name], 2 * (some[name] - none[name]))
    torch.testing.assert_close(more["overhead left"], none["overhead left"])


def test_without_bleed_a_close_microphone_hears_its_own_drum_alone():
    song = synthetic_song(
        3, seconds=10.0, sample_rate=24_000, ensemble=("kick", "snare", "hihat", "tom")
    )
    heard = _tracks(_open(None, 0.0), 3)
    for name, track in zip(("kick", "snare", "hihat"), song.tracks, strict=False):
        likeness = torch.nn.functional.cosine_similarity(heard[name], track[:1])
        assert likeness.item() == pytest.approx(1.0, abs=1e-5)


def test_drums_in_the_left_are_louder_and_sooner_in_the_left_overhead():
    """The hi-hat of a synthetic kit stands at -0.6, with 0.74 to 0.26 of the power at 0.8."""
    left, right = (
        drum_sessions._synthetic(3, 0.0)["hihat"][f"overhead {s}"] for s in ("left", "right")
    )
    assert (left.square().sum() / right.square().sum()).item() == pytest.approx(
        1.48 / 0.52, rel=1e-3
    )
    first = [x[0].abs().gt(1e-6).nonzero()[0].item() for x in (left, right)]
    assert first[1] - first[0] == round(5.6 * 24) - round(4.4 * 24)


def test_microphones_are_recorded_roughly_where_the_engineer_wants_them(kit):
    away_db = []
    for seed in range(4):
        session = open_session(seed, kit if seed % 2 else None)
        check = session.record(drum_sessions.song_with_toms(1000 * seed + 500))
        for name, role, audio in check.recordings:
            middle = LEAD_LUFS + sum(TASTES[role].level_lu) / 2
            away_db.append(measure_loudness(audio, 24_000).item() - middle)
            assert name in KIT_MICROPHONES
        assert [track.name for track in session.mix.tracks] == list(check.names)
        for audio, whole, dry in zip(
            check.tracks, session.mix.tracks, session.dry_mix.tracks, strict=True
        ):
            assert [stage.processor.name for stage in dry.strip] == ["gain", "stereo_panner"]
            heard = [
                measure_loudness(run_strip(audio, 24_000, strip), 24_000).item()
                for strip in (whole.strip, dry.strip)
            ]
            # Blocks near -70 LUFS may pass the gate of the louder of the two alone.
            assert heard[1] == pytest.approx(heard[0], abs=0.5)
        low, high = BLEED_DB
        assert low <= 20 * math.log10(session.studio.bleed) <= high
    away_db = torch.tensor(away_db)
    assert away_db.mean().abs() < 2.0
    assert 2.5 < away_db.std() < 5.5  # 4 dB, drawn some thirty times


def test_a_session_is_the_same_every_time(kit):
    one, two = open_session(1, kit), open_session(1, kit)
    assert one.mix == two.mix and one.studio.preamps == two.studio.preamps
    for a, b in zip(one.record(7).tracks, two.record(7).tracks, strict=True):
        assert torch.equal(a, b)
    assert open_session(3, kit).studio.preamps != one.studio.preamps


def test_toms_are_played_in_the_song_of_the_sound_check(kit):
    """Louder than their bleed."""
    seed = drum_sessions.song_with_toms(0)
    parts = drum_sessions.on_real_kit(kit, seed, 0.0, 10.0)
    assert max(parts[f"tom {k}"]["overhead right"].abs().max() for k in (1, 2, 3)) > 0.1
