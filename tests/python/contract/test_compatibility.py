"""The page of versions tells what was found, gaps and failures included."""

import json

from scripts.compatibility import OPENAI, PAGE, PANDAS, PYTHONS, README, RESULTS, Cell
from scripts.compatibility_page import in_readme, page

VERSIONS = {
    "python": "3.11.7",
    "pandas": "1.5.3",
    "numpy": "1.26.4",
    "openai": "3.0.0",
    "aiohttp": "3.14.5",
}
PASSED = {
    "versions": VERSIONS,
    "passed": 1500,
    "job_tests": 30,
    "few_units": False,
    "skipped": 0,
    "failed": [],
}


def made(**results: object) -> str:
    found = {f"Python 3.11, pandas 1.5, openai {name}": it for name, it in results.items()}
    return page(found, ["3.11"], ["1.5"], OPENAI)  # type: ignore[arg-type]  # as JSON has them


def test_the_page_is_made_of_the_results() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == page(results, PYTHONS, PANDAS, OPENAI)


def test_the_readme_says_what_was_not_tried() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    readme = README.read_text(encoding="utf-8")
    assert readme == in_readme(readme, results, PYTHONS, PANDAS, OPENAI)
    made_up: dict[str, dict[str, object]] = {
        "Python 3.11, pandas 2.0, openai lowest": PASSED,
        "Python 3.11, pandas 3, openai lowest": {"gap": ""},
    }
    marked = "a<!-- versions: begin -->old<!-- versions: end -->z"
    assert in_readme(marked, made_up, ["3.11"], ["1.5", "2.0", "3"], OPENAI) == (
        "a<!-- versions: begin -->\nTried in 1 combinations of Python, pandas and `openai`. Not tried: Python 3.11 with"
        " pandas 1.5. No wheels: Python 3.11 with pandas 3.\n<!-- versions: end -->z"
    )


def test_no_test_fails_in_any_combination_that_was_tried() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert {name: it["failed"] for name, it in results.items() if it.get("failed")} == {}


def test_what_passed_failed_has_a_gap_or_was_not_tried_is_told_apart() -> None:
    failed = {**PASSED, "failed": ["functional.test_cells::test_one"]}
    text = made(lowest=PASSED, highest={"gap": "no wheel"})
    assert "| Python 3.11 | openai 3.0.0, — |" in text
    assert "- no wheel." in text
    assert "| 1 tests fail with openai 3.0.0, not tried |" in made(lowest=failed)
    assert "- `functional.test_cells::test_one`" in made(lowest=failed)


def test_old_pandas_comes_with_the_numpy_it_was_built_for() -> None:
    assert "numpy<2" in Cell("3.11", "1.5", "highest").requirements()
    assert Cell("3.12", "3", "lowest").requirements() == ["pandas==3.*", "openai[aiohttp]==3.0.*"]
