"""A listening test is built without a name in it, and its answers come back with names."""

import base64
import json
import re
import threading
import urllib.error
import urllib.request

import pytest

from dasp.evaluation.stats import load_ratings
from dasp.pages import build_listening_test, collect, load_answers, ratings_by_criterion
from dasp.pages.collector import MOST_BYTES, _test

NAMES = ("reference", "wave-u-net", "forest", "anchor", "rock", "jazz")


def _session(test, answers, participant="p1"):
    return {"test": test["id"], "participant": participant, "answers": answers}


def _write(path, value):
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["ape", "mushra", "ab", "abx"])
def test_no_file_of_the_page_tells_what_made_a_sound(stimuli, tmp_path, kind):
    key = build_listening_test(stimuli, tmp_path / "page", kind=kind, trials=2)
    page = tmp_path / "page"
    told = (page / "test.js").read_text(encoding="utf-8")
    told += " ".join(str(file.relative_to(page)) for file in page.rglob("*"))
    for file in (page / "sounds").iterdir():
        flac = base64.b64decode(file.read_text(encoding="ascii").split('"')[3])
        assert flac.startswith(b"fLaC")
        told += flac.decode("latin-1").replace("reference libFLAC", "")
    told = told.replace('"reference": ', "")  # what "mushra" shows, which has no name
    assert not [name for name in NAMES if re.search(rf"\b{name}\b", told)]
    names = {one["name"] for one in json.loads(key.read_text(encoding="utf-8"))["names"].values()}
    assert {"reference", "wave-u-net", "forest"} <= names
    assert ("anchor" in names) == (kind == "mushra")


def test_pages_by_kind(stimuli, tmp_path):
    def pages(kind):
        build_listening_test(stimuli, tmp_path / kind, kind=kind, trials=4)
        return _test(tmp_path / kind)["pages"]

    assert [len(page["stimuli"]) for page in pages("ape")] == [3, 3]
    assert [len(page["stimuli"]) for page in pages("mushra")] == [4, 4]
    assert len(pages("ab")) == 2 * 3
    assert len(pages("abx")) == 2 * 3 * 4
    labels = [stem["label"] for page in _test(tmp_path / "ape")["pages"] for stem in page["dry"]]
    assert labels == ["bass", "voice"]


def test_ratings_come_back_by_name(stimuli, tmp_path, dasp):
    key = build_listening_test(stimuli, tmp_path / "page", criteria=("clarity", "excitement"))
    test, names = _test(tmp_path / "page"), json.loads(key.read_text(encoding="utf-8"))["names"]
    known = {"reference": 0.9, "wave-u-net": 0.6, "forest": 0.1}
    answers = {
        page["id"]: {
            c: {i: known[names[i]["name"]] for i in page["stimuli"]} for c in test["criteria"]
        }
        for page in test["pages"]
    }
    files = [_write(tmp_path / f"{who}.json", _session(test, answers, who)) for who in ("p1", "p2")]
    found = load_answers([*files, files[0]], key)
    assert ratings_by_criterion(found)["clarity"]["forest"] == [0.1] * 4
    assert found.remarks and "p1" in found.remarks[0]
    csv = tmp_path / "all.csv"
    status, said, _ = dasp("listen", "results", *map(str, files), "--key", str(key), "-o", str(csv))
    assert status == 0
    assert "2 participants, 24 answers" in said
    assert "reference: 4 ratings, median 0.900" in said
    assert load_ratings(csv)["wave-u-net"] == [0.6] * 8


def test_choices_come_back_by_name(stimuli, tmp_path):
    key = build_listening_test(stimuli, tmp_path / "page", kind="ab")
    test, names = _test(tmp_path / "page"), json.loads(key.read_text(encoding="utf-8"))["names"]
    answers = {}
    for page in test["pages"]:
        pair = page["stimuli"]
        best = next((i for i in pair if names[i]["name"] == "forest"), "none")
        answers[page["id"]] = {"preference": {"choice": best, "pair": pair}}
    found = load_answers([_write(tmp_path / "a.json", _session(test, answers))], key)
    ratings = ratings_by_criterion(found)["preference"]
    assert ratings["forest"] == [1.0] * 4
    assert sorted(ratings["reference"]) == [0.0, 0.0, 0.5, 0.5]


def test_right_and_wrong_of_abx(stimuli, tmp_path, dasp):
    key = build_listening_test(stimuli, tmp_path / "page", kind="abx", trials=2)
    test = _test(tmp_path / "page")
    answers = {p["id"]: {"x": p["stimuli"][0], "answer": p["stimuli"][0]} for p in test["pages"]}
    wrong = next(iter(answers.values()))
    wrong["answer"] = test["pages"][0]["stimuli"][1]
    file = _write(tmp_path / "a.json", _session(test, answers))
    status, said, _ = dasp("listen", "results", str(file), "--key", str(key))
    assert status == 0
    assert "11 of 12 right; by chance as many with p = 0.00317" in said  # 13 / 2^12


def test_who_misses_the_reference_is_left_out(stimuli, tmp_path):
    key = build_listening_test(stimuli, tmp_path / "page", kind="mushra")
    test, names = _test(tmp_path / "page"), json.loads(key.read_text(encoding="utf-8"))["names"]

    def answers(reference):
        return {
            page["id"]: {
                "preference": {
                    i: reference if names[i]["name"] == "reference" else 0.5
                    for i in page["stimuli"]
                }
            }
            for page in test["pages"]
        }

    files = [
        _write(tmp_path / f"{who}.json", _session(test, answers(rating), who))
        for who, rating in (("careful", 1.0), ("careless", 0.7))
    ]
    found = load_answers(files, key)
    assert {answer.participant for answer in found.answers} == {"careful"}
    assert "careless.json: left out" in found.remarks[0]


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"test": "another"},
        {"answers": 3},
        {"answers": {"nothing": {}}},
        {"answers": {"page": {"preference": {"sound": 7}}}},
        {"answers": {"page": {"preference": {"sound": "nan"}}}},
        {"answers": {"page": {"preference": 5}}},
    ],
)
def test_what_is_no_result_is_refused(stimuli, tmp_path, broken):
    key = build_listening_test(stimuli, tmp_path / "page")
    test = _test(tmp_path / "page")
    text = json.dumps(broken)
    text = text.replace('"page"', json.dumps(test["pages"][0]["id"]))
    text = text.replace('"sound"', json.dumps(test["pages"][0]["stimuli"][0]))
    broken = json.loads(text)
    if isinstance(broken, dict):
        broken = {"test": test["id"], **broken}
    with pytest.raises(ValueError, match=r"a\.json"):
        load_answers([_write(tmp_path / "a.json", broken)], key)


def test_what_cannot_be_built_is_refused(stimuli, tmp_path, dasp):
    with pytest.raises(ValueError, match="kind"):
        build_listening_test(stimuli, tmp_path / "page", kind="abc")
    with pytest.raises(ValueError, match="criteria"):
        build_listening_test(stimuli, tmp_path / "page", criteria=())
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no songs"):
        build_listening_test(tmp_path / "empty", tmp_path / "page")
    (stimuli / "rock" / "reference.wav").rename(stimuli / "rock" / "human.wav")
    with pytest.raises(ValueError, match="'reference'"):
        build_listening_test(stimuli, tmp_path / "page", kind="mushra")
    assert not (tmp_path / "page").exists()
    build_listening_test(stimuli, tmp_path / "page")
    status, _, error = dasp("listen", "build", str(stimuli), "-o", str(tmp_path / "page"))
    assert status == 1 and "exists already" in error


@pytest.fixture
def served(stimuli, tmp_path):
    build_listening_test(stimuli, tmp_path / "page", collected=True)
    with collect(tmp_path / "page", tmp_path / "answers", port=0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _post(address, content, path="/results"):
    request = urllib.request.Request(address + path, data=content, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_the_collector_keeps_answers_of_this_test_alone(served, tmp_path):
    test = _test(tmp_path / "page")
    assert _post(served, json.dumps(_session(test, {})).encode()) == 200
    (kept,) = (tmp_path / "answers").iterdir()
    assert re.fullmatch(r"[0-9a-f]{32}\.json", kept.name)
    assert json.loads(kept.read_text(encoding="utf-8"))["participant"] == "p1"
    assert _post(served, b"{}") == 400
    assert _post(served, b"\xff") == 400
    assert _post(served, json.dumps(_session(test, {})).encode(), "/other") == 404
    assert _post(served, b" " * (MOST_BYTES + 1)) == 413
    assert len(list((tmp_path / "answers").iterdir())) == 1


def test_the_collector_serves_the_page_and_nothing_else(served, tmp_path):
    def get(path):
        try:
            with urllib.request.urlopen(served + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    assert "Listening test" in get("/index.html")[1]
    assert get("/sounds/")[0] == 404
    assert get("/../page.key.json")[0] == 404 and get("/%2e%2e/page.key.json")[0] == 404
    with pytest.raises(ValueError, match="within the page"):
        collect(tmp_path / "page", tmp_path / "page" / "answers")
    with pytest.raises(ValueError, match="listen build"):
        collect(tmp_path, tmp_path / "answers")
