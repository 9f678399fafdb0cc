"""What pages say of the code's own words and numbers is what the code has."""

import ast
import re
from collections.abc import Iterator

from documents import ROOT
from mesh_prompt_batch.capability_probes import MOST_CALLS
from mesh_prompt_batch.llm_checks import LLMS_AT_ONCE

PACKAGE = ROOT / "python-lib/mesh_prompt_batch"


def page(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def bounds() -> set[str]:
    """What functions named `bound` return: of a text with places, what stands before the first."""
    found = set[str]()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = dict(_constants(tree))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name == "bound":
                found |= {str(it).rstrip(", ") for it in _returned(function, constants)}
    return found - {""}


def _constants(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for name, value in zip(names, values, strict=False):
                if isinstance(name, ast.Name) and isinstance(value, ast.Constant):
                    yield name.id, value.value


def _returned(function: ast.FunctionDef, constants: dict[str, object]) -> Iterator[object]:
    for statement in ast.walk(function):
        if isinstance(statement, ast.Return) and statement.value is not None:
            yield from _texts(statement.value, constants)


def _texts(value: ast.expr, constants: dict[str, object]) -> Iterator[object]:
    if isinstance(value, ast.IfExp):
        yield from _texts(value.body, constants)
        yield from _texts(value.orelse, constants)
    elif isinstance(value, ast.Constant):
        yield value.value
    elif isinstance(value, ast.Name):
        yield constants.get(value.id, "")
    elif isinstance(value, ast.JoinedStr):
        yield from _texts(value.values[0], constants)


def test_every_word_for_what_holds_a_run_back_is_explained() -> None:
    _, _, table = page("docs/engineer.md").partition("| the log says `bound by` |")
    explained = {
        span
        for line in re.findall(r"^\| (`.*?) \|", table.partition("\n\n")[0], re.MULTILINE)
        for span in re.findall(r"`([^`]+)`", line)
    }
    assert {"a limit of the run", "the disk", "'Calls at once'", "the last rows"} <= bounds()
    assert explained == bounds()


def test_pages_say_what_the_listing_asks() -> None:
    assert f"Up to {LLMS_AT_ONCE} LLMs" in page("docs/macros.md")
    assert f"at most {MOST_CALLS} small calls" in page("SECURITY.md")
