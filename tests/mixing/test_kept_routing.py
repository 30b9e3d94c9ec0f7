"""What stays of the groups, buses and sends of the mix that a new one starts from."""

from dasp.mixing.kept_routing import keep_routing
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import DELAY, GAIN
from dasp.processors.stage import Stage

OLD, NEW = (Stage(GAIN, {"gain_db": db}) for db in (-1.0, -2.0))
WET = (Stage(DELAY, {"mix": 1.0}),)


def _mix(groups, buses, strip):
    tracks = (
        Track("a", group=groups[0] if groups else "", sends_db=dict.fromkeys(buses, -6.0)),
        Track("b", strip=(strip,)),
    )
    channels = tuple(Channel(name, (strip,)) for name in groups)
    return Mix(44_100, tracks, (strip,), channels, tuple(Channel(name, WET) for name in buses))


def test_groups_stay_beside_new_buses():
    kept = keep_routing(_mix((), ("reverb",), NEW), _mix(("drums",), (), OLD))
    assert [track.group for track in kept.tracks] == ["drums", ""]
    assert kept.groups == (Channel("drums", (OLD,)),) and kept.master == (NEW,)
    assert kept.tracks[0].sends_db == {"reverb": -6.0} and kept.buses[0].name == "reverb"
    assert kept.tracks[1].strip == (NEW,)


def test_buses_and_sends_stay_in_place_of_new_ones():
    kept = keep_routing(_mix((), ("reverb",), NEW), _mix((), ("echo",), OLD))
    assert [bus.name for bus in kept.buses] == ["echo"]
    assert [dict(track.sends_db) for track in kept.tracks] == [{"echo": -6.0}, {}]


def test_of_a_group_in_both_the_old_strip_stays_and_names_stay_apart():
    kept = keep_routing(_mix(("drums",), ("voices",), NEW), _mix(("drums", "voices"), (), OLD))
    assert kept.groups == (Channel("drums", (OLD,)), Channel("voices", (OLD,)))
    assert [bus.name for bus in kept.buses] == ["voices bus"]
    assert kept.tracks[0].sends_db == {"voices bus": -6.0}


def test_without_an_old_routing_the_new_one_is_as_it_was():
    new = _mix(("drums",), ("reverb",), NEW)
    assert keep_routing(new, _mix((), (), OLD)) == new
