"""Figures as data in results/, and as tables between the markers of a page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
README, SCALE = HERE / "README.md", HERE / "scale.md"


def save(name: str, data: object) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(data, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def saved(name: str) -> Any:  # noqa: ANN401  # JSON
    """None where nothing was measured yet."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def rewrite(section: str, text: str, page: Path = README) -> None:
    """Put `text` between the markers of `section`; everything else is written by hand."""
    begin, end = f"<!-- {section}: begin -->\n", f"<!-- {section}: end -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    after = rest.split(end, 1)[1]
    page.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def table(names: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    head = [f"| {' | '.join(names)} |", f"| {' | '.join(['---'] * len(names))} |"]
    return head + [f"| {' | '.join(cells)} |" for cells in lines]
