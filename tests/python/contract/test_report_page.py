"""The run report as people meet it: in a real browser, narrow and wide, light and dark."""

from pathlib import Path

import pytest
from made_up_run import told_of

from local_dss.browser import Browser
from mesh_prompt_batch.report import report_page

# One browser is enough.
pytestmark = pytest.mark.browser
WIDTHS = (480, 900, 1400)
# A4 less its margins.
PAPER_WIDTH = 718
# WCAG 2.2, 1.4.3: text, but for large one.
LEAST_CONTRAST = 4.5
# Texts whose contrast with the nearest opaque background is below the least, each with what it has.
FAINT = """
(least => {
  const numbers = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = colour => {
    const [r, g, b] = numbers(colour).map(it => {
      const part = it / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let it = element; it; it = it.parentElement) {
      const colour = getComputedStyle(it).backgroundColor;
      if (numbers(colour).length === 3) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || element.closest("svg")) continue;
    const pair = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < least) faint.push(`${texts.currentNode.data}: ${contrast.toFixed(1)}`);
  }
  return faint;
})
"""
# Elements that are wider than the page though they do not scroll by themselves.
TOO_WIDE = """
[...document.querySelectorAll("header *, section, section > *, footer *")]
  .filter(it => it.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(it => it.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_page(told_of(5_000)), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_everything_fits_and_can_be_read(
    browser: Browser, document: Path, width: int, scheme: str
) -> None:
    browser.prefer(scheme)
    browser.open(document, width, 900)
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert browser.evaluate(TOO_WIDE) == []
    assert browser.evaluate(f"{FAINT}({LEAST_CONTRAST})") == []
    dark = browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
    assert dark == (scheme == "dark")


def test_pictures_have_a_size_and_labels_stay_readable(browser: Browser, document: Path) -> None:
    browser.open(document, WIDTHS[0], 900)
    sizes = browser.evaluate(
        "[...document.querySelectorAll('svg')].map(it => it.getBoundingClientRect())"
        ".map(it => [it.width, it.height])"
    )
    assert all(width > 200 and height > 10 for width, height in sizes)
    smallest = browser.evaluate(
        "Math.min(...[...document.querySelectorAll('body *')]"
        ".map(it => parseFloat(getComputedStyle(it).fontSize)))"
    )
    assert smallest >= 12


def test_on_paper_it_is_dark_on_white_and_nothing_is_cut(browser: Browser, document: Path) -> None:
    browser.prefer("dark", "print")
    browser.open(document, PAPER_WIDTH, 900)
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"
    assert browser.evaluate(f"{FAINT}({LEAST_CONTRAST})") == []
    cut = "[...document.querySelectorAll('.scrolls')].filter(it => it.scrollWidth > it.clientWidth + 1).length"
    assert browser.evaluate(cut) == 0
    browser.prefer("light")
