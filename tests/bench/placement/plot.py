# SPDX-License-Identifier: GPL-3.0-or-later
"""A plot of seconds over instances, both by powers of ten, as an SVG for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10

WIDTH, HEIGHT, MARGIN = 640, 360, 60
_FONT = 'font-family="sans-serif" font-size="13"'
Point = tuple[float, float]  # instances, seconds


def svg(points: Sequence[Point]) -> str:
    """Return the plot of the points, beside a line of what grows with the number of instances exactly."""
    (least, seconds), most = points[0], points[-1][0]
    straight = [(least, seconds), (most, seconds * most / least)]
    every = [*points, *straight]
    axes = _Axes([x for x, _ in every], [y for _, y in every])
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {_FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *axes.drawn(),
        _line([axes.at(point) for point in straight], 'stroke="#999" stroke-dasharray="5 4"'),
        _line([axes.at(point) for point in points], 'stroke="#06c" stroke-width="2"'),
        *(_dot(axes.at(point), f"{point[1]:.2g} s") for point in points),
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">instances placed</text>',
        f'<text x="{MARGIN}" y="20">seconds; dashed: exactly as many times the time as instances</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


class _Axes:
    """Both axes by powers of ten, each as long as what is shown needs."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        self._x = min(map(log10, xs)), max(map(log10, xs))
        self._y = min(map(log10, ys)), max(map(log10, ys))

    def at(self, point: Point) -> Point:
        """Return where a point is drawn."""
        across = _share(log10(point[0]), *self._x) * (WIDTH - 2 * MARGIN)
        up = _share(log10(point[1]), *self._y) * (HEIGHT - 2 * MARGIN)
        return MARGIN + across, HEIGHT - MARGIN - up

    def drawn(self) -> Iterator[str]:
        """Yield the frame, and a word at each power of ten within it."""
        yield (
            f'<rect x="{MARGIN}" y="{MARGIN}" width="{WIDTH - 2 * MARGIN}"'
            f' height="{HEIGHT - 2 * MARGIN}" fill="none" stroke="#ccc"/>'
        )
        for power in _powers(*self._x):
            x, _ = self.at((10.0**power, 10 ** self._y[0]))
            yield f'<text x="{x:.0f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{10**power:,}</text>'
        for power in _powers(*self._y):
            _, y = self.at((10 ** self._x[0], 10.0**power))
            yield f'<text x="{MARGIN - 6}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g}</text>'


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _powers(low: float, high: float) -> range:
    return range(ceil(low - 1e-9), floor(high + 1e-9) + 1)


def _line(points: Sequence[Point], style: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" {style}/>'


def _dot(point: Point, words: str) -> str:
    x, y = point
    dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#06c"/>'
    return f'{dot}<text x="{x + 6:.1f}" y="{y + 16:.1f}">{words}</text>'
