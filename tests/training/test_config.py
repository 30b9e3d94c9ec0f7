import json
from dataclasses import dataclass
from typing import Literal

import pytest

from dasp._toml import read_toml
from dasp.training import Schedule, Training
from dasp.training.config import as_table, assignment, changed

TRAINING = Training(steps=7, schedule=Schedule("cosine"))


@dataclass(frozen=True)
class Config:
    songs: int = 4
    share: float = 0.5
    loud: bool = False
    name: str = "a"
    kind: Literal["x", "y"] = "x"
    sizes: tuple[int, ...] = (1, 2)
    span: tuple[float, float] = (0.0, 1.0)
    training: Training = TRAINING

    def __post_init__(self):
        if self.songs < 1:
            raise ValueError("songs: expected at least 1")


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        "songs = 9\nspan = [1, 2.5]\n[training]\nbatch_size = 2\n"
        "[training.schedule]\nwarm_up_steps = 3\n"
    )
    config = changed(Config(), read_toml(path))
    assert (config.songs, config.span, config.name) == (9, (1.0, 2.5), "a")
    assert type(config.span[0]) is float
    assert (config.training.batch_size, config.training.steps) == (2, 7)
    assert config.training.schedule == Schedule("cosine", warm_up_steps=3)


def test_a_configuration_survives_json():
    config = changed(Config(), {"sizes": [5], "training": {"ema_decay": 0.5}})
    assert changed(Config(), json.loads(json.dumps(as_table(config)))) == config


@pytest.mark.parametrize(
    ("text", "value"),
    [("songs=3", 3), ("share=2", 2.0), ("share=1e-3", 1e-3), ("loud=true", True), ("name=b", "b"),
     ("name='b'", "b"), ("name=a=b", "a=b"), ("name=", ""), ("kind = y", "y"),
     ("sizes=[3]", (3,))],
)  # fmt: skip
def test_assignments(text, value):
    key = text.split("=")[0].strip()
    assert getattr(changed(Config(), assignment(text)), key) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("song=3", "unknown key 'song'; did you mean 'songs'"),
        ("training.step=3", "unknown key 'training.step'; did you mean 'training.steps'"),
        ("training=3", "training: expected a table, got 3"),
        ("training.schedule.kind=cosin", "training.schedule.kind: .*did you mean 'cosine'"),
        ("training.steps=-1", "training.steps: expected at least 0, got -1"),
        ("songs=0", "songs: expected at least 1"),
        ("songs=2.0", "songs: expected a whole number, got 2.0"),
        ("songs=true", "songs: expected a whole number, got True"),
        ("songs.a=1", "songs: expected a whole number, got {'a': 1}"),
        ("share=nan", "share: expected a number, got nan"),
        ("share=inf", "share: expected a number, got inf"),
        ("share=much", "share: expected a number, got 'much'"),
        ("loud=1", "loud: expected true or false, got 1"),
        ("name=1", "name: expected a text, got 1"),
        ("sizes=1", "sizes: expected a list, got 1"),
        ("sizes=[1, 2.5]", r"sizes\[1\]: expected a whole number, got 2.5"),
        ("span=[1.0]", "span: expected 2 values"),
        ("songs", "expected key=value, got 'songs'"),
        ("=1", "expected key=value"),
        ("a..b=1", "expected key=value"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        changed(Config(), assignment(text))


def test_one_assignment_does_not_bring_another():
    assert changed(Config(), assignment("name=1\nsongs=2")) == Config(name="1\nsongs=2")


@pytest.mark.parametrize("text", ["songs = ", "\xff", "a = " + "[" * 100_000, "x" * 2**21])
def test_what_is_no_toml(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"c\.toml"):
        read_toml(path)
