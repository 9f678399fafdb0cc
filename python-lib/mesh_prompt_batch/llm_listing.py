"""The macro's table: which LLMs there are, and on request whether they answer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass

from mesh_prompt_batch.errors import PromptBatchError, SettingsError
from mesh_prompt_batch.form import Form

LABELS = {
    "purposes": "Purposes",
    "name_filter": "Name filter",
    "check_availability": "Check that they answer",
    "required_llm_ids": "Required LLM ids",
}
COMPLETION = "GENERIC_COMPLETION"
PURPOSES = (
    COMPLETION,
    "TEXT_EMBEDDING_EXTRACTION",
    "IMAGE_EMBEDDING_EXTRACTION",
    "RERANKING",
    "IMAGE_GENERATION",
)
CHECKS_AT_ONCE = 8
WHOLE_PROGRESS = 100
_NOT_PLAIN_LLMS = ("agent:", "retrieval-augmented-llm:")

ListLlms = Callable[[str], Iterable[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class ListingSettings:
    """The macro's form, parsed once."""

    purposes: tuple[str, ...]
    name_filter: str
    check_availability: bool
    required_llm_ids: tuple[str, ...]

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> "ListingSettings":
        """Raises SettingsError for the first setting that cannot work."""
        form = Form(config, LABELS)
        purposes = form.texts("purposes") or (COMPLETION,)
        for purpose in purposes:
            if purpose not in PURPOSES:
                raise form.refused("purposes", f"knows {', '.join(PURPOSES)}, not '{purpose}'")
        return cls(
            purposes,
            form.text("name_filter").strip(),
            form.flag("check_availability", default=False),
            tuple(llm_id.strip() for llm_id in form.texts("required_llm_ids") if llm_id.strip()),
        )


@dataclass(frozen=True, slots=True)
class Llm:
    """An LLM of the Mesh; what DSS leaves out is blank."""

    llm_id: str
    label: str
    type: str
    connection: str
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether an LLM answered, in words, and after how many seconds where it did."""

    status: str
    answers: bool | None
    latency_seconds: float | None = None


NOT_CHECKED = Availability("not checked", answers=None)
Probe = Callable[[str], Availability]
OpenProbe = Callable[[], AbstractContextManager[Probe]]


@dataclass(frozen=True, slots=True)
class Table:
    """Column labels by id, and rows of texts in that order."""

    columns: Mapping[str, str]
    rows: Sequence[Sequence[str]]


def listing(
    list_llms: ListLlms,
    settings: ListingSettings,
    open_probe: OpenProbe,
    progress: Callable[[int], None],
) -> Table:
    """`list_llms` gives the items of a purpose; `open_probe` is called only where availability is checked.

    Raises PromptBatchError where a required LLM is missing, or does not answer although it was asked.
    """
    every = merged_by_id(list_llms, settings.purposes)
    _require_listed(settings.required_llm_ids, every)
    shown = [llm for llm in every if _matches(llm, settings.name_filter)]
    availability: Mapping[str, Availability] = {}
    if settings.check_availability:
        asked = [llm for llm in every if _is_asked(llm, shown, settings.required_llm_ids)]
        availability = check(asked, open_probe, progress)
        _require_answers(settings.required_llm_ids, availability)
        return _table(shown, availability, with_availability=True)
    return _table(shown, availability, with_availability=False)


def merged_by_id(list_llms: ListLlms, purposes: Iterable[str]) -> list[Llm]:
    """One entry an LLM, ordered by id ignoring case, so that two runs compare line by line."""
    items: dict[str, Mapping[str, object]] = {}
    served: dict[str, list[str]] = {}
    for purpose in dict.fromkeys(purposes):
        for item in list_llms(purpose):
            llm_id = str(item["id"])
            items.setdefault(llm_id, item)
            served.setdefault(llm_id, []).append(purpose)
    return [
        _llm(llm_id, items[llm_id], served[llm_id])
        for llm_id in sorted(items, key=lambda it: (it.casefold(), it))
    ]


def check(
    llms: Sequence[Llm], open_probe: OpenProbe, progress: Callable[[int], None]
) -> dict[str, Availability]:
    """Ask each LLM once, some at a time; `progress` gets the share that is done, in percent."""
    found: dict[str, Availability] = {}
    if not llms:
        return found
    with open_probe() as probe, ThreadPoolExecutor(CHECKS_AT_ONCE) as pool:
        asked = {pool.submit(probe, llm.llm_id): llm.llm_id for llm in llms}
        for future in as_completed(asked):
            found[asked[future]] = future.result()
            progress(WHOLE_PROGRESS * len(found) // len(llms))
    return found


def _llm(llm_id: str, item: Mapping[str, object], purposes: Sequence[str]) -> Llm:
    label = _text(item, "friendlyName") or _text(item, "friendlyNameShort")
    return Llm(llm_id, label, _text(item, "type"), _text(item, "connection"), tuple(purposes))


def _text(item: Mapping[str, object], key: str) -> str:
    value = item.get(key)
    return "" if value is None else str(value)


def _matches(llm: Llm, name_filter: str) -> bool:
    wanted = name_filter.casefold()
    return any(wanted in text.casefold() for text in (llm.llm_id, llm.label, llm.connection))


def is_plain_llm(llm_id: str) -> bool:
    """Agents act and retrieval LLMs search, with calls of their own."""
    return not llm_id.startswith(_NOT_PLAIN_LLMS)


def _is_asked(llm: Llm, shown: Sequence[Llm], required: Sequence[str]) -> bool:
    """Agents act and retrieval LLMs search: they are asked only where somebody named them."""
    if COMPLETION not in llm.purposes:
        return False
    return llm.llm_id in required or (llm in shown and is_plain_llm(llm.llm_id))


def _require_listed(required: Sequence[str], llms: Sequence[Llm]) -> None:
    known = {llm.llm_id for llm in llms}
    missing = [llm_id for llm_id in required if llm_id not in known]
    if missing:
        raise SettingsError(
            f"'{LABELS['required_llm_ids']}': the LLM Mesh does not list {', '.join(missing)}"
            " for you in this project and for the purposes chosen."
        )


def _require_answers(required: Sequence[str], availability: Mapping[str, Availability]) -> None:
    silent = [
        f"{llm_id} ({availability[llm_id].status})"
        for llm_id in required
        if llm_id in availability and not availability[llm_id].answers
    ]
    if silent:
        raise PromptBatchError(f"Required LLMs do not answer: {', '.join(silent)}.")


def _table(
    llms: Sequence[Llm], availability: Mapping[str, Availability], *, with_availability: bool
) -> Table:
    columns = {
        "llm_id": "LLM id",
        "label": "Label",
        "type": "Provider type",
        "connection": "Connection",
        "purposes": "Purposes",
    }
    rows = [[it.llm_id, it.label, it.type, it.connection, ", ".join(it.purposes)] for it in llms]
    if with_availability:
        columns |= {"status": "Status", "latency_seconds": "Latency (seconds)"}
        for llm, row in zip(llms, rows, strict=True):
            found = availability.get(llm.llm_id, NOT_CHECKED)
            latency = found.latency_seconds
            row += [found.status, "" if latency is None else f"{latency:.2f}"]
    return Table(columns, rows)
