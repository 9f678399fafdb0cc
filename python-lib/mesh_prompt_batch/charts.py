"""Charts as inline SVG that fit any width: shapes stretch, labels are HTML around them and do not."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from mesh_prompt_batch.markup import Markup, element

WIDTH, HEIGHT = 1000.0, 200.0
# Of a column's width: so that neighbours can be told apart.
GAP = 0.08
# Less cannot be told from nothing, and has no power of ten.
_NOTHING = 1e-12
_TOPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Labels(NamedTuple):
    """`top` is what the upper edge stands for; the others are moments, or whatever the chart runs over."""

    top: str
    left: str
    middle: str
    right: str


class Series(NamedTuple):
    """One value a column, the CSS class of its colour, and its name in the legend."""

    values: Sequence[float]
    colour: str
    name: str


def round_top(highest: float) -> float:
    """The next number of one digit, or 1.5 or 2.5, times a power of ten, that is not below."""
    if highest < _NOTHING:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(it * power for it in _TOPS if it * power >= highest * (1 - 1e-9))


def stacked(series: Sequence[Series], top: float) -> list[Markup]:
    """Columns, the first series at the bottom."""
    heights = [0.0] * max((len(it.values) for it in series), default=0)
    return [element("path", d=_columns(it.values, heights, top), class_=it.colour) for it in series]


def _columns(values: Sequence[float], heights: list[float], top: float) -> str:
    """`heights` already stand, and are raised."""
    width = WIDTH / max(1, len(heights))
    parts = []
    for place, value in enumerate(values):
        if value > 0:
            left, height = (place + GAP / 2) * width, value / top * HEIGHT
            bottom = HEIGHT - heights[place]
            parts.append(
                f"M{left:.1f} {bottom:.1f}v{-height:.1f}h{width * (1 - GAP):.1f}v{height:.1f}z"
            )
            heights[place] += height
    return "".join(parts)


def stairs(series: Series, top: float) -> Markup:
    """A line, level over each column."""
    width = WIDTH / max(1, len(series.values))
    points = []
    for place, value in enumerate(series.values):
        y = HEIGHT - value / top * HEIGHT
        points += [f"{place * width:.1f},{y:.1f}", f"{(place + 1) * width:.1f},{y:.1f}"]
    return element("polyline", points=" ".join(points), class_=f"line {series.colour}")


def upright(share: float, colour: str) -> Markup:
    """A vertical line at a share of the width."""
    x = f"{share * WIDTH:.1f}"
    return element("line", x1=x, x2=x, y1="0", y2=f"{HEIGHT:.0f}", class_=f"line {colour}")


def picture(
    name: str, title: str, says: str, shapes: Sequence[Markup], *, small: bool = False
) -> Markup:
    """`name` is unique on the page; `says` tells whoever cannot see it what there is to see."""
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", says, id=f"{name}-desc"),
        *shapes,
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        preserveAspectRatio="none",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        class_="strip" if small else None,
    )


def figure(title: str, drawn: Markup, labels: Labels, legend: Sequence[Series] = ()) -> Markup:
    moments = [element("span", it) for it in (labels.left, labels.middle, labels.right)]
    scale = element("div", element("span", labels.top), element("span", "0"), class_="scale")
    keys = [element("li", element("i", class_=f"key {it.colour}"), it.name) for it in legend]
    return element(
        "figure",
        element("figcaption", title),
        element("div", scale, drawn, class_="plot"),
        element("div", *moments, class_="moments"),
        *([element("ul", *keys, class_="legend")] if keys else []),
    )
