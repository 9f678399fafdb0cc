"""HTML made of elements: every text in it is escaped, whoever wrote it."""

from collections.abc import Iterable
from html import escape

from mesh_prompt_batch.storable import storable

_EMPTY = ("meta", "line", "polyline", "path")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """Children that are no Markup are text; an attribute `class_` is `class`, `aria_label` is `aria-label`.

    Attributes that are None are left out.
    """
    told = "".join(
        f' {name.strip("_").replace("_", "-")}="{_escaped(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _EMPTY and not children:
        return Markup(f"<{tag}{told}/>")
    return Markup(f"<{tag}{told}>{joined(children)}</{tag}>")


def joined(children: Iterable[object]) -> Markup:
    return Markup("".join(it if isinstance(it, Markup) else _escaped(it) for it in children))


def _escaped(value: object) -> str:
    return escape(storable(str(value)))
