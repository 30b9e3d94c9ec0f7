"""The site of the pages in a real browser, where `make docs` has built it."""

import pytest

from tests.docs.pages import DOCS

BUILT = DOCS / "_build" / "html"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def site(chromium):
    """Opens a page on a telephone; what asks for another host, or breaks, is told at the end."""
    if not (BUILT / "gallery" / "compressor.html").is_file():
        pytest.skip("the site is not built: make docs")
    context = chromium.new_context(viewport=PHONE)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:"))
            else faults.append(r.url))  # fmt: skip

    def opened(name: str):
        page.goto((BUILT / f"{name}.html").as_uri())
        return page

    yield opened
    context.close()
    assert faults == []


@pytest.mark.parametrize("name", ["index", "gallery/index", "gallery/compressor", "benchmarks"])
def test_nothing_is_wider_than_a_telephone(site, name):
    page = site(name)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_switch_goes_on_from_the_same_moment(site):
    page = site("gallery/compressor")
    page.wait_for_function("[...document.querySelectorAll('audio')].every(a => a.readyState > 0)")
    page.evaluate("document.querySelector('audio').currentTime = 2.5")
    page.click("text=processed")
    dry, processed = page.evaluate(
        "[...document.querySelectorAll('audio')]"
        ".map(player => [player.currentTime, player.closest('figure').hidden])"
    )
    assert dry[1] and not processed[1]
    assert processed[0] == pytest.approx(2.5, abs=0.1)
    assert page.get_attribute("text=processed", "aria-pressed") == "true"
