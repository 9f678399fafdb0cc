"""The report of a run of the kit: Markdown to read, JSON to keep; no credential in either."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from integration.findings import ANSWERED, LOOK, NOT_ANSWERED, Answer, Check, Finding
from integration.questions import QUESTIONS, Question
from integration.target import Target

NAME = "integration-report"


@dataclass(frozen=True, slots=True)
class Report:
    """`left`: what is still on the instance; `stopped`: why not every step was tried, blank where all were."""

    target: Target
    dss_version: str
    plugin: str
    made_at: str
    most_calls: int
    findings: Sequence[Finding]
    removed: Sequence[str]
    left: Sequence[str]
    stopped: str = ""

    @property
    def checks(self) -> list[Check]:
        return [it for it in self.findings if isinstance(it, Check)]

    def answer(self, question: Question) -> Answer:
        """What a program found, or that somebody has to look."""
        for it in self.findings:
            if isinstance(it, Answer) and it.question == question.id:
                return it
        if question.look:
            return Answer(question.id, "see below", state=LOOK)
        why = "the kit stopped before" if self.stopped else "its step was not run"
        return Answer(question.id, why, state=NOT_ANSWERED)

    @property
    def is_good(self) -> bool:
        """All checks held, every question that a program can answer is answered, nothing is left behind."""
        states = {self.answer(it).state for it in QUESTIONS}
        held = all(it.passed for it in self.checks)
        return held and NOT_ANSWERED not in states and not self.left and not self.stopped

    @property
    def summary(self) -> str:
        states = [self.answer(it).state for it in QUESTIONS]
        held = sum(it.passed for it in self.checks)
        parts = [
            f"{held} of {len(self.checks)} checks held",
            f"{states.count(ANSWERED)} questions answered",
            f"{states.count(NOT_ANSWERED)} not answered",
            f"{sum(bool(it.look) for it in QUESTIONS)} to look at",
            f"left behind: {', '.join(self.left)}" if self.left else "all that was made is removed",
        ]
        return f"{'; '.join(parts)}. {self.stopped}".strip()

    def save(self, folder: Path) -> Path:
        """Both files; the one to read is returned."""
        page = folder / f"{NAME}.md"
        whole = json.dumps(self._as_json(), indent=2, ensure_ascii=False, default=str)
        for path, text in ((page, self._markdown()), (folder / f"{NAME}.json", whole + "\n")):
            # An LLM's words may hold what UTF-8 cannot.
            path.write_text(self.target.clean(text), encoding="utf-8", errors="backslashreplace")
        return page

    def _as_json(self) -> dict[str, object]:
        return {
            "dss_version": self.dss_version,
            "host": urlsplit(self.target.url).hostname,
            "llm_id": self.target.llm_id,
            "plugin": self.plugin,
            "made_at": self.made_at,
            "most_llm_calls": self.most_calls,
            "summary": self.summary,
            "questions": [self._question(it) for it in QUESTIONS],
            "checks": [
                {
                    "name": it.name,
                    "passed": it.passed,
                    "detail": it.detail,
                    "evidence": dict(it.evidence),
                }
                for it in self.checks
            ],
            "removed": list(self.removed),
            "left": list(self.left),
        }

    def _question(self, question: Question) -> dict[str, object]:
        answer = self.answer(question)
        return {
            "id": question.id,
            "question": question.text,
            "matters": question.matters,
            "state": answer.state,
            "answer": answer.answer,
            "evidence": dict(answer.evidence),
            "look": list(question.look),
        }

    def _markdown(self) -> str:
        place = urlsplit(self.target.url).hostname
        head = [
            "# What a real DSS answers",
            f"DSS {self.dss_version} at {place}, `{self.plugin}`, LLM `{self.target.llm_id}`, {self.made_at}.",
            self.summary,
        ]
        answers = [(it, self.answer(it)) for it in QUESTIONS]
        questions = [[it.text, f"**{a.state}**", a.answer, it.matters] for it, a in answers]
        checks = [[it.name, "held" if it.passed else "**FAILED**", it.detail] for it in self.checks]
        look = [
            "\n".join([f"### {it.text}", "", *(f"1. {step}" for step in it.look)])
            for it in QUESTIONS
            if it.look
        ]
        seen = [
            *((it.name, it.evidence) for it in self.checks),
            *((it.text, a.evidence) for it, a in answers),
        ]
        evidence = [
            f"### {name}\n\n```json\n{json.dumps(dict(it), indent=1, default=str)}\n```"
            for name, it in seen
            if it
        ]
        return "\n\n".join(
            [
                *head,
                "## Questions",
                _table(["question", "state", "answer", "what rests on it"], questions),
                "## Checks",
                _table(["check", "result", "detail"], checks),
                "## Look at this",
                *look,
                "## Evidence",
                *evidence,
                "",
            ]
        )


def make_folder(folder: Path) -> None:
    """Before a call is paid. Raises OSError where no report could be saved there."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(_cell, it)) + " |" for it in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
