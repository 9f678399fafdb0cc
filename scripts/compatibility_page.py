"""The page that tells which versions the plugin was tried with: made of results alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

HEAD = """# Versions

`make matrix` tries the plugin with every Python, pandas and `openai` that a code env may bring: the lowest and the
highest `openai` that the plugin's requirements allow, beside core packages with each generation of pandas. In every
combination unit tests run, all of them or those of modules that meet other packages, and tests that start jobs: those
of cells and of streams, and one part of the others, in turn. This page is made of [the results](compatibility.json),
and so is the sentence in the README.
"""
_BEGIN, _END = "<!-- versions: begin -->", "<!-- versions: end -->"


def page(
    results: Mapping[str, Mapping[str, Any]],
    pythons: Sequence[str],
    pandas: Sequence[str],
    openai: Sequence[str],
) -> str:
    """`results`: by the name of a combination."""
    rows = [
        "| | " + " | ".join(f"pandas {it}" for it in pandas) + " |",
        "|---" * (len(pandas) + 1) + "|",
    ]
    for python in pythons:
        cells = (
            _cell([results.get(f"Python {python}, pandas {it}, openai {n}") for n in openai])
            for it in pandas
        )
        rows.append(f"| Python {python} | " + " | ".join(cells) + " |")
    return (
        "\n".join([HEAD, *rows, "", *_versions(results), *_gaps(results), *_failures(results)])
        + "\n"
    )


def in_readme(
    readme: str,
    results: Mapping[str, Mapping[str, Any]],
    pythons: Sequence[str],
    pandas: Sequence[str],
    openai: Sequence[str],
) -> str:
    """The README with what was tried and what was not between its two marks."""
    head, _, rest = readme.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    all_of_them = [
        (
            f"{python} with pandas {it}",
            [results.get(f"Python {python}, pandas {it}, openai {n}") for n in openai],
        )
        for python in pythons
        for it in pandas
    ]
    untried = [name for name, found in all_of_them if not any(found)]
    impossible = [name for name, found in all_of_them if any(it and "gap" in it for it in found)]
    passed = sum(
        bool(it and it.get("passed") and not it["failed"])
        for _, found in all_of_them
        for it in found
    )
    sentences = [f"Tried in {passed} combinations of Python, pandas and `openai`."]
    if untried:
        sentences.append(f"Not tried: Python {', '.join(untried)}.")
    if impossible:
        sentences.append(f"No wheels: Python {', '.join(impossible)}.")
    return f"{head}{_BEGIN}\n{' '.join(sentences)}\n{_END}{tail}"


def _cell(found: Sequence[Mapping[str, Any] | None]) -> str:
    return ", ".join(dict.fromkeys(map(_word, found)))


def _word(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "not tried"
    if "gap" in found:
        return "—"
    if found["failed"]:
        return f"{len(found['failed'])} tests fail with openai {found['versions']['openai']}"
    return f"openai {found['versions']['openai']}"


def _versions(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    ran = [it for it in results.values() if "versions" in it]
    if not ran:
        return
    least, most = (choose(it["passed"] for it in ran) for choose in (min, max))
    jobs = min(it["job_tests"] for it in ran)
    few = sum(it["few_units"] for it in ran)
    yield f"A version of `openai` in a cell passed all tests that ran: {least:,} to {most:,}, of which {jobs} or more"
    yield f"start jobs. In {few} of {len(ran)} the unit tests were those of modules that meet these packages, else all."
    commits = dict.fromkeys(it.get("commit", "an earlier one") for it in ran)
    yield f"Results are of commit {', '.join(commits)}."
    for name in ("pandas", "numpy", "aiohttp"):
        # As numbers, not as texts: 2.10 comes after 2.9.
        known = {tuple(map(int, it["versions"][name].split("."))) for it in ran}
        yield f"{name} was {', '.join('.'.join(map(str, it)) for it in sorted(known))}."
    yield ""


def _gaps(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    reasons = dict.fromkeys(it["gap"] for _, it in sorted(results.items()) if "gap" in it)
    if reasons:
        yield "What is not tried, and why (`—`):\n"
        yield from (f"- {it}." for it in reasons)


def _failures(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, found in sorted(results.items()):
        if found.get("failed"):
            yield f"\n{name} fails:\n"
            yield from (f"- `{it}`" for it in found["failed"])
