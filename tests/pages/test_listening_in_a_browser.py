"""Whole sessions of a listening test in a real browser, from the disk, up to the right numbers."""

import json
import threading

import pytest

from dasp.pages import build_listening_test, collect, load_answers, ratings_by_criterion
from dasp.pages.collector import _test

WANTED = {"reference": 0.9, "wave-u-net": 0.5, "forest": 0.1, "anchor": 0.0}


@pytest.fixture
def built(stimuli, tmp_path):
    """Builds a test, and returns its address, itself and the names of its sounds."""

    def build(**options):
        key = build_listening_test(stimuli, tmp_path / "page", **options)
        names = json.loads(key.read_text(encoding="utf-8"))["names"]
        return (tmp_path / "page" / "index.html").as_uri(), key, names

    return build


def _letters(tab):
    """The sound of each letter that this page shows."""
    markers = tab.locator(".marker, .slider [data-sound]").all()
    return {m.inner_text(): m.get_attribute("data-sound") for m in markers}


def _downloaded(tab, button, folder):
    with tab.expect_download() as download:
        tab.click(button)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_by_keyboard_alone_with_a_reload_in_the_middle(built, tab, tmp_path):
    address, key, names = built()
    tab.goto(address)
    tab.keyboard.press("Enter")  # the button to begin has the focus
    for page in range(2):
        tab.wait_for_selector(".axis")
        assert tab.locator("#next").is_disabled()
        for letter, sound in _letters(tab).items():
            tab.keyboard.press(letter.lower())
            marker = tab.locator(f'.marker[data-sound="{sound}"]')
            at = int(marker.get_attribute("aria-valuenow"))
            # A step is 2 of 100; one there and back makes it an answer where it is right already.
            steps = round((100 * WANTED[names[sound]["name"]] - at) / 2)
            for _ in range(abs(steps) or 1):
                tab.keyboard.press("ArrowRight" if steps > 0 else "ArrowLeft")
        assert not tab.locator("#next").is_disabled()
        if page == 0:
            tab.reload()
            assert "Go on with page 1" in tab.inner_text("#begin")
            tab.keyboard.press("Enter")
            tab.wait_for_selector(".axis")
            assert tab.locator(".marker.unset").count() == 0  # what was answered is still there
            for letter in _letters(tab):
                tab.keyboard.press(letter)
        tab.keyboard.press("Enter")
    file = _downloaded(tab, "#json", tmp_path)
    ratings = ratings_by_criterion(load_answers([file], key))["preference"]
    for name, own in ratings.items():
        assert own == pytest.approx([WANTED[name]] * 2, abs=0.021)
    table = _downloaded(tab, "#csv", tmp_path).read_text(encoding="utf-8").splitlines()
    assert table[0] == "participant,page,criterion,mix,rating" and len(table) == 1 + 2 * 3


def test_a_switch_keeps_the_place_and_sounds_the_other(built, tab):
    """Both play from one start: what is heard changes, and where in the sound does not."""
    address, _, names = built()
    tab.goto(address)
    tab.click("#begin")
    tab.wait_for_selector(".axis")
    tab.evaluate("""() => {
        window.analyser = player.context.createAnalyser();
        window.analyser.fftSize = 8192;
        for (const gain of player.gains.values()) gain.connect(window.analyser);
    }""")
    wanted_hz = {"reference": 300, "wave-u-net": 600, "forest": 900}
    for letter, sound in _letters(tab).items():
        tab.keyboard.press(letter)
        tab.wait_for_timeout(400)
        heard_hz = tab.evaluate("""() => {
            const bins = new Float32Array(window.analyser.frequencyBinCount);
            window.analyser.getFloatFrequencyData(bins);
            return bins.indexOf(Math.max(...bins)) * player.context.sampleRate / 8192;
        }""")
        assert heard_hz == pytest.approx(wanted_hz[names[sound]["name"]], abs=6)
    starts = tab.evaluate("player.sources.length")
    assert starts in (3, 5) and 0 <= tab.evaluate("player.position") <= 1.5
    tab.evaluate("player.loop(0.5, 0.8)")
    tab.wait_for_timeout(600)
    assert 0.5 <= tab.evaluate("player.position") < 0.8


@pytest.mark.long
def test_ratings_against_a_reference(built, tab, tmp_path):
    address, key, names = built(kind="mushra", criteria=("clarity", "excitement"))
    tab.goto(address)
    tab.click("#begin")
    for _ in range(2):
        tab.wait_for_selector(".sliders")
        letters = _letters(tab)
        for letter, sound in letters.items():
            tab.click(f'.slider [data-sound="{sound}"]')
            for criterion in ("clarity", "excitement"):
                value = round(100 * WANTED[names[sound]["name"]])
                tab.fill(f'input[aria-label="{letter}, {criterion}"]', str(value))
        tab.click("#next")
    found = load_answers([_downloaded(tab, "#json", tmp_path)], key)
    for own in ratings_by_criterion(found).values():
        assert {name: set(ratings) for name, ratings in own.items()} == {
            name: {rating} for name, rating in WANTED.items()
        }


@pytest.mark.long
@pytest.mark.parametrize("kind", ["ab", "abx"])
def test_choices_reach_the_collector(stimuli, tab, tmp_path, kind):
    key = build_listening_test(stimuli, tmp_path / "page", kind=kind, trials=1, collected=True)
    names = json.loads(key.read_text(encoding="utf-8"))["names"]
    with collect(tmp_path / "page", tmp_path / "answers", port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html")
        tab.click("#begin")
        for _ in _test(tmp_path / "page")["pages"]:
            tab.wait_for_selector("[data-choice]")
            a, b = (tab.locator(f"button[data-sound]:text-is('{w}')") for w in "AB")
            a.click()
            b.click()
            pair = [one.get_attribute("data-sound") for one in (a, b)]
            if kind == "abx":
                tab.keyboard.press("x")
                best = pair[0]
            else:
                rank = ["reference", "wave-u-net", "forest"]
                best = min(pair, key=lambda sound: rank.index(names[sound]["name"]))
            tab.click(f'[data-choice="{best}"]')
            tab.click("#next")
        tab.click("#send")
        tab.wait_for_selector("text=have arrived")
        server.shutdown()
    found = load_answers((tmp_path / "answers").iterdir(), key)
    if kind == "ab":
        wins = ratings_by_criterion(found)["preference"]
        assert wins == {
            "reference": [1.0] * 4, "wave-u-net": wins["wave-u-net"], "forest": [0.0] * 4,
        }  # fmt: skip
        assert sorted(wins["wave-u-net"]) == [0.0, 0.0, 1.0, 1.0]
    else:
        assert len(found.answers) == 6


@pytest.mark.long
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_stands_beyond_the_edge(built, tab, width):
    address, _, _ = built()
    tab.set_viewport_size({"width": width, "height": 800})
    tab.goto(address)
    tab.click("#begin")
    tab.wait_for_selector(".axis")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
