"""Plots as SVG that sits within a page: no library, sharp on a phone, its colours the page's own, light or dark.

Classes: `s0`, `s1`, … of series, `axis`, `grid` and `band` of the rest; the page's style sheet has their colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from rtvc.evaluation.statistics import Figure

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 30, 40  # margins
Points = Sequence[Figure | None]


class Scale:
    """Numbers to places in the plot, and round ticks."""

    def __init__(self, values: Sequence[float], start: float, stop: float):
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        spread = high - low or abs(high) or 1.0
        step = 10 ** np.floor(np.log10(spread / 3))
        self.step = float(next(step * factor for factor in (1, 2, 5, 10) if spread / (step * factor) <= 5))
        self.low, self.high = np.floor(low / self.step) * self.step, np.ceil(high / self.step) * self.step
        self.start, self.stop = start, stop

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + share * (self.stop - self.start), 1)

    def ticks(self) -> list[float]:
        """From the lowest to the highest."""
        count = round((self.high - self.low) / self.step)
        return [float(self.low + number * self.step) for number in range(count + 1)]


def _svg(title: str, parts: list[str], height: float = HEIGHT) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title)}">'
    return f'{head}<text class="title" x="8" y="16">{escape(title)}</text>{"".join(parts)}</svg>'


def _text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "axis") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}"/>'


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _upright(values: Sequence[float]) -> tuple[Scale, list[str]]:
    """The scale from bottom to top, with its lines."""
    scale = Scale(values, HEIGHT - BOTTOM, TOP)
    parts = []
    for tick in scale.ticks():
        y = scale(tick)
        parts += [_line(LEFT, y, WIDTH - RIGHT, y, "grid"), _text(LEFT - 6, y + 4, _number(tick), "end")]
    return scale, parts


def _all(points: Sequence[Points]) -> list[float]:
    numbers = ((point["value"], point["low"], point["high"]) for some in points for point in some if point)
    return [number for some in numbers for number in some if number is not None]


def curve(title: str, places: Sequence[str], series: dict[str, Points]) -> str:
    """Figures at named places, a line a series, with the interval as a band behind it."""
    scale, parts = _upright(_all(list(series.values())))
    xs = np.linspace(LEFT + 14, WIDTH - RIGHT - 14, len(places)).tolist()
    parts += [_text(x, HEIGHT - BOTTOM + 16, name) for x, name in zip(xs, places, strict=True)]
    for number, (name, points) in enumerate(series.items()):
        known = [(x, point) for x, point in zip(xs, points, strict=True) if point]
        parts.append(_band(scale, known, number))
        line = " ".join(f"{x:g},{scale(point['value'])}" for x, point in known)
        parts.append(f'<polyline class="line s{number}" points="{line}"/>')
        parts += [
            f'<circle class="dot s{number}" cx="{x:g}" cy="{scale(point["value"])}" r="3"/>' for x, point in known
        ]
        parts.append(_key(number, len(series), name))
    return _svg(title, parts)


def _band(scale: Scale, known: list[tuple[float, Figure]], number: int) -> str:
    wide = [
        (x, low, high)
        for x, point in known
        if (low := point["low"]) is not None and (high := point["high"]) is not None
    ]
    upper = [f"{x:g},{scale(high)}" for x, _, high in wide]
    lower = [f"{x:g},{scale(low)}" for x, low, _ in reversed(wide)]
    return f'<polygon class="band s{number}" points="{" ".join(upper + lower)}"/>'


def _key(number: int, count: int, name: str) -> str:
    x = LEFT + number * (WIDTH - LEFT - RIGHT) / count
    dot = f'<circle class="dot s{number}" cx="{x + 4:g}" cy="{HEIGHT - 8}" r="4"/>'
    return dot + _text(x + 12, HEIGHT - 4, name, "start")


def ranges(title: str, rows: dict[str, Figure | None]) -> str:
    """A figure a row, with its interval as a bar across."""
    known = {name: figure for name, figure in rows.items() if figure}
    left, step = 130, 24
    bottom = TOP + step * len(known)
    scale = Scale(_all([list(known.values())]), left, WIDTH - RIGHT - 8)
    parts = []
    for tick in scale.ticks():
        parts += [_line(scale(tick), TOP, scale(tick), bottom, "grid"), _text(scale(tick), bottom + 16, _number(tick))]
    for number, (name, figure) in enumerate(known.items()):
        y, kind = TOP + step * (number + 0.5), "s0" if name.startswith("rtvc") else "s1"
        parts.append(_text(left - 8, y + 4, name, "end"))
        if figure["low"] is not None and figure["high"] is not None:
            parts.append(_line(scale(figure["low"]), y, scale(figure["high"]), y, f"line {kind}"))
        parts.append(f'<circle class="dot {kind}" cx="{scale(figure["value"])}" cy="{y:g}" r="4"/>')
    return _svg(title, parts, bottom + 26)


def scatter(title: str, along: str, points: Sequence[tuple[float, float, str]]) -> str:
    """(x, y, what) as dots; what shows where one points at it."""
    scale, parts = _upright([y for _, y, _ in points] + [0.0])
    across = Scale([x for x, *_ in points], LEFT + 6, WIDTH - RIGHT - 6)
    parts += [_text(across(tick), HEIGHT - BOTTOM + 16, _number(tick)) for tick in across.ticks()]
    parts.append(_text((LEFT + WIDTH) / 2, HEIGHT - 6, along))
    for x, y, what in points:
        place = f'cx="{across(x)}" cy="{scale(y)}" r="4"'
        parts.append(f'<circle class="dot s0" {place}><title>{escape(what)}</title></circle>')
    return _svg(title, parts)
