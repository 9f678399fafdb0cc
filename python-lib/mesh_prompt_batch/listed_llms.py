"""What the LLM Mesh lists: one entry an LLM, in an order that stays."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

_NOT_PLAIN_LLMS = ("agent:", "retrieval-augmented-llm:")

ListLlms = Callable[[str], Iterable[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Llm:
    """An LLM of the Mesh; what DSS leaves out is blank."""

    llm_id: str
    label: str = ""
    type: str = ""
    connection: str = ""
    purposes: tuple[str, ...] = ()

    def matches(self, name_filter: str) -> bool:
        wanted = name_filter.casefold()
        return any(wanted in text.casefold() for text in (self.llm_id, self.label, self.connection))


def is_plain_llm(llm_id: str) -> bool:
    """Agents act and retrieval LLMs search, with calls of their own."""
    return not llm_id.startswith(_NOT_PLAIN_LLMS)


def merged_by_id(list_llms: ListLlms, purposes: Iterable[str]) -> list[Llm]:
    """One entry an LLM with all its purposes, ordered by id, so that two runs compare line by line."""
    items: dict[str, Mapping[str, object]] = {}
    served: dict[str, list[str]] = {}
    for purpose in dict.fromkeys(purposes):
        for item in list_llms(purpose):
            llm_id = str(item["id"])
            items.setdefault(llm_id, item)
            served.setdefault(llm_id, []).append(purpose)
    return in_order(_llm(llm_id, items[llm_id], served[llm_id]) for llm_id in items)


def in_order(llms: Iterable[Llm]) -> list[Llm]:
    """By id, ignoring case."""
    return sorted(llms, key=lambda it: (it.llm_id.casefold(), it.llm_id))


def _llm(llm_id: str, item: Mapping[str, object], purposes: Sequence[str]) -> Llm:
    label = _text(item, "friendlyName") or _text(item, "friendlyNameShort")
    return Llm(llm_id, label, _text(item, "type"), _text(item, "connection"), tuple(purposes))


def _text(item: Mapping[str, object], key: str) -> str:
    value = item.get(key)
    return "" if value is None else str(value)
