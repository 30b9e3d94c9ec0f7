"""What participants of a listening test have answered, with the names of what they heard."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dasp.pages.listening_test import FORMAT, REFERENCE
from dasp.processors.document import read_json

GOOD_ENOUGH, MOST_MISSED = 0.9, 0.15
"""Who rates the hidden reference under 90 on more than 15 % of the pages is left out (ITU-R
BS.1534-3)."""

NONE = "none"


@dataclass(frozen=True)
class Answer:
    """One answer of a participant.

    Args:
        participant: Who, by a random name.
        song: What was played.
        criterion: What was asked.
        mix: The mix that was rated; of "ab" and "abx" one of the pair.
        rating: From 0 to 1. Of "ab", 1 if this mix was preferred, 0 if the other was and 0.5 if
            neither; of "abx", 1 for a right answer and 0 for a wrong one.
    """

    participant: str
    song: str
    criterion: str
    mix: str
    rating: float


@dataclass(frozen=True)
class Answers:
    """The answers of all participants.

    Args:
        kind: The kind of the test.
        answers: All of them.
        remarks: What was left out, and why.
    """

    kind: str
    answers: tuple[Answer, ...]
    remarks: tuple[str, ...]


def load_answers(files: Iterable[str | Path], key: str | Path) -> Answers:
    """Read the results that a listening page has sent or let people download.

    A participant whose file comes twice counts once, with the file that has more answers. Of
    "mushra" those are left out who often miss the hidden reference.

    Args:
        files: The JSON files.
        key: The key that was written beside the page.

    Returns:
        The answers, with names.

    Raises:
        ValueError: If a file is of another test, or no results.
    """
    told = _object(key)
    if told.get("format") != FORMAT:
        raise ValueError(f"{key}: expected the key of a listening test")
    sessions: dict[str, tuple[str, list[Answer]]] = {}
    remarks = []
    for file in files:
        session = _object(file)
        if session.get("test") != told["test"]:
            raise ValueError(f"{file}: not the results of this test")
        who = str(session.get("participant", file))
        own = _answers(str(file), who, session, told)
        if who in sessions:
            remarks.append(f"{file}: the same participant as {sessions[who][0]}")
        if who not in sessions or len(own) > len(sessions[who][1]):
            sessions[who] = (str(file), own)
    kept = []
    for file, own in sessions.values():
        missed = _missed_references(own) if told["kind"] == "mushra" else 0.0
        if missed > MOST_MISSED:
            remarks.append(f"{file}: left out, misses the reference on {missed:.0%} of the pages")
        else:
            kept += own
    return Answers(told["kind"], tuple(kept), tuple(remarks))


def ratings_by_criterion(answers: Answers) -> dict[str, dict[str, list[float]]]:
    """Sort ratings as `dasp.evaluation.stats.report` takes them.

    Args:
        answers: What `load_answers` returns.

    Returns:
        The ratings of each mix, by criterion.
    """
    sorted_: dict[str, dict[str, list[float]]] = {}
    for answer in answers.answers:
        sorted_.setdefault(answer.criterion, {}).setdefault(answer.mix, []).append(answer.rating)
    return sorted_


def _answers(
    file: str, who: str, session: Mapping[str, Any], key: Mapping[str, Any]
) -> list[Answer]:
    names, kind = key["names"], key["kind"]
    found = []
    given = session.get("answers")
    if not isinstance(given, Mapping):
        raise ValueError(f"{file}: expected answers by page")
    for page, answers in given.items():
        try:
            song = names[page]["song"]
            if kind == "abx":
                if "answer" in answers:
                    pair = names[answers["x"]]["name"], names[answers["answer"]]["name"]
                    found.append(Answer(who, song, "abx", pair[0], float(pair[0] == pair[1])))
                continue
            for criterion, own in answers.items():
                if kind == "ab":
                    found += _choice(who, song, criterion, own, names)
                else:
                    found += [
                        Answer(who, song, criterion, names[sound]["name"], _rating(rating))
                        for sound, rating in own.items()
                    ]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{file}: page {page!r} has no answers of this test") from error
    return found


def _choice(
    who: str, song: str, criterion: str, chosen: Any, names: Mapping[str, Any]
) -> list[Answer]:
    pair = chosen["pair"]
    if chosen["choice"] not in (*pair, NONE) or len(pair) != 2:
        raise ValueError("choice: expected one of the pair")
    return [
        Answer(
            who,
            song,
            criterion,
            names[sound]["name"],
            0.5 if chosen["choice"] == NONE else float(chosen["choice"] == sound),
        )
        for sound in pair
    ]


def _rating(value: Any) -> float:
    rating = float(value)
    if not (math.isfinite(rating) and 0 <= rating <= 1):
        raise ValueError(f"rating: expected a number from 0 to 1, got {value!r}")
    return rating


def _missed_references(answers: Iterable[Answer]) -> float:
    rated = [answer.rating for answer in answers if answer.mix == REFERENCE]
    return sum(rating < GOOD_ENOUGH for rating in rated) / len(rated) if rated else 0.0


def _object(file: str | Path) -> Mapping[str, Any]:
    found = read_json(file)
    if not isinstance(found, Mapping):
        raise ValueError(f"{file}: expected a JSON object")
    return found
