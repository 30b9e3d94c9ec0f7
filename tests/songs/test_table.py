"""Data sets by name: every one is found, and its songs are parted for learning and judging."""

import inspect
import pkgutil

import pytest
import torch

import dasp.songs
from dasp.songs import DATASETS, Multitrack, load_dataset, seen_and_unseen
from dasp.songs.choice import chosen_songs
from dasp.songs.multitrack import Recording
from tests.songs.trees import write


@pytest.mark.parametrize("name", DATASETS)
def test_a_loader_takes_a_folder_and_a_rate(name, tmp_path):
    loader = DATASETS[name].load()
    assert getattr(dasp.songs, loader.__name__) is loader and loader.__name__ in dasp.songs.__all__
    needed = [p.name for p in inspect.signature(loader).parameters.values() if p.default is p.empty]
    assert len(needed) == 1 and "sample_rate" in inspect.signature(loader).parameters
    with pytest.raises(ValueError, match=r"expected|no songs"):
        load_dataset(f"{name}:{tmp_path}")


def test_every_loader_of_the_package_is_in_the_table():
    """What lists the songs of a folder is a data set."""
    homes = {entry.home for entry in DATASETS.values()}
    for module in pkgutil.iter_modules(dasp.songs.__path__):
        members = vars(__import__(f"dasp.songs.{module.name}", fromlist=["x"]))
        for name, value in members.items():
            own = getattr(value, "__module__", "") == f"dasp.songs.{module.name}"
            if own and name.startswith("load_") and inspect.isfunction(value):
                listed = "list" in str(inspect.signature(value).return_annotation)
                is_here = f"{module.name}:{name}" in homes or name == "load_dataset"
                assert listed == is_here, f"{module.name}:{name}"


def test_a_data_set_by_its_name_and_a_folder_alone(tmp_path):
    for song in ("a", "b"):
        write(tmp_path / "train" / song / "bass.wav")
        write(tmp_path / "hq" / "train" / song / "bass.wav")
    by_name = load_dataset(f"musdb18_hq:{tmp_path / 'hq'}", sample_rate=22_050)
    assert [song.name for song in by_name] == ["a", "b"]
    assert by_name[0].sample_rate == 22_050 and by_name[0].roles == ("bass",)
    assert [song.name for song in load_dataset(str(tmp_path / "train"))] == ["a", "b"]


def song(name: str, split: str = "") -> Multitrack:
    return Multitrack(name, 8000, (Recording("x", "other", torch.zeros(1, 4)),), split=split)


def test_songs_of_the_training_split_are_learnt_from():
    songs = [song("a", "Test"), song("b", "train"), song("c", "validation"), song("d", "train")]
    seen, unseen = seen_and_unseen(songs)
    assert [s.name for s in seen] == ["b", "d"] and [s.name for s in unseen] == ["a", "c"]


@pytest.mark.parametrize("count", [2, 9, 10, 25])
def test_without_splits_some_songs_are_unseen(count):
    songs = [song(str(i)) for i in range(count)]
    seen, unseen = seen_and_unseen(songs)
    assert len(unseen) == max(1, count // 10) and len(seen) + len(unseen) == count
    assert not {s.name for s in seen} & {s.name for s in unseen}


def test_one_song_is_too_few():
    with pytest.raises(ValueError, match="two songs or more"):
        seen_and_unseen([song("a")])


def test_a_recipe_hears_a_data_set_or_made_songs(tmp_path):
    for name in ("a", "b", "c"):
        write(tmp_path / name / "stems" / "bass.wav")
    heard = [
        [s.name for s in chosen_songs(f"songs:{tmp_path}", (), sample_rate=8000, unseen=unseen)]
        for unseen in (False, True)
    ]
    assert heard == [["a", "b"], ["c"]]
    (made,) = chosen_songs("", range(1), sample_rate=2000)
    assert made.sample_rate == 2000 and "kick" in made.names
