"""Regular expressions that may take for ever."""

import re
import time

import pytest

from mesh_prompt_batch.risky_pattern import is_risky, longest_text

EXPLODING = [
    ("^(a+)+$", "a"),
    ("^(a|a)*$", "a"),
    ("^(?:a|ab|b)*$", "ab"),
    (r"^(\w+\s?)*$", "a"),
    ("^(([a-z])+.)+[A-Z]([a-z])+$", "a"),
    ("^(a?){30}a{30}$", "a"),
    ("^(a{1,50})+$", "a"),
    ("^([a-z]+ ?)+$", "a"),
    (r"^(\w|\d)+$", "1"),
    ("^((a+)b?)+$", "a"),
    ("((?:b|b))+c", "b"),
    ("(?:(b|b))+c", "b"),
    ("(a(?:b|b))+c", "ab"),
    ("^(?:(true|t|rue))+$", "true"),
    ("(?i)(a|A)+c", "a"),
    ("(b{2}a|bba)+c", "bba"),
    ("((?:a|)(?:a|))+c", "a"),
    ("(ab?b?b?b?)+c", "abb"),
    ("(ab*[ab])+c", "abaab"),
    ("(aa?)+c", "a"),
    (r"(,{0}\x61*)+c", "a"),
    (r"(\u0436\w*)+-", "ж"),
    (r"(ж\w*)+-", "ж"),
    ("(a{0,3}){3}(a{0,3}){3}(a{0,3}){3}(a{0,3}){3}b", "a"),
    ("a?" * 30 + "a" * 30, "a"),
    ("(?:a)?" * 30 + "a" * 30, "a"),
    ("(?x)(a +)+b", "a"),
    ("(?i:(?x:(a +)+b))", "a"),
    ("(?#[)(a+)+$(?#])", "a"),
]


@pytest.mark.parametrize(("pattern", "_"), EXPLODING)
def test_what_explodes_is_told_before(pattern: str, _: str) -> None:
    assert is_risky(pattern)


@pytest.mark.parametrize(("pattern", "letter"), [EXPLODING[it] for it in (0, 3, 7, 10, 13)])
def test_they_do_explode(pattern: str, letter: str) -> None:
    def seconds(length: int) -> float:
        started = time.process_time()
        re.search(pattern, letter * length + "!")
        return time.process_time() - started

    assert seconds(20) > 30 * seconds(10)


SLOW = [
    ("a+$", "a", 10_000),
    ("^.+@.+$", "@", 10_000),
    (r"^\s*\S+\s*\S*$", "a", 10_000),
    ("^a+a+a+$", "a", 400),
    (r"^(\w+ ?){1,3}$", "a", 400),
    (r"^(?i:A+[a-z]*b?a+)$", "a", 400),
    ("^(.*): (.*); (.*), (.*)$", ": ; , ", 120),
]


@pytest.mark.parametrize(("pattern", "text", "longest"), SLOW)
def test_neighbours_that_share_characters_are_for_short_texts(
    pattern: str, text: str, longest: int
) -> None:
    assert not is_risky(pattern)
    assert longest_text(pattern) == longest
    started = time.process_time()
    re.search(pattern, (text * longest)[:longest] + "\n!")
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "pattern",
    ["a*a*a*a*a*b", r"^\d+\d+\d+\d+\d+$", "(.*)(.*)(.*)(.*)x", "((a?){5}){5}b", "(?:a{0,9}){9}b"],
)
def test_more_of_them_are_risky(pattern: str) -> None:
    assert is_risky(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"^\w+ \w+ \w+ \w+$", r"^\+?[0-9 ()-]{7,20}$", "^[A-Z][a-z]+( [A-Z][a-z]+)*$", "abc"],
)
def test_what_is_told_apart_is_for_texts_of_any_length(pattern: str) -> None:
    assert longest_text(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[\w.]+@([\w-]+\.)+[\w-]{2,4}$",
        r"^\d{4}(-\d{2})*$",
        "^(foo|bar)+$",
        "([^,]+,)*[^,]+",
        r"^(\w+=\w+;)*$",
        r"^(\w+: \w+, )*$",
        "^(positive|negative|neutral)(, (positive|negative|neutral))*$",
        r"^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$",
        r"^([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?$",
        r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?$",
        r"^\+?\d{1,4}?[-.\s]?\(?\d{1,3}?\)?[-.\s]?\d{1,4}[-.\s]?\d{1,9}$",
        "(,[^,]+)*",
        "(?i)^[A-Z]{2,3}-?[0-9]+$",
        r"^(\d{1,3}\.){3}\d{1,3}$",
        "^(19|20)[0-9]{2}$",
        "[)]+",
        r"\(+",
        "^(a|b|)$",
        "",
    ],
)
def test_what_people_write_is_let_through(pattern: str) -> None:
    re.compile(pattern)
    assert not is_risky(pattern)


def test_a_pattern_is_judged_in_time_however_long_it_is() -> None:
    started = time.process_time()
    assert not is_risky(f"^({'|'.join(f'label {n}' for n in range(3_000))})$")
    assert not is_risky("a+b" * 100)
    assert is_risky("a+b" * 33_000)
    assert is_risky(f"({'abc' * 10_000}d?a?)+")
    assert is_risky(f"({''.join(map(chr, range(0x4E00, 0x9000)))}d?a?)+")
    assert is_risky(f"{'(?:a' * 80}b?{')' * 80}+")
    assert time.process_time() - started < 5


def test_a_group_that_is_referred_to_is_risky() -> None:
    assert is_risky(r"^(a|b)\1$")
