"""A drawing of a few lines over a logarithmic width and height, as SVG: nothing to install, nothing to run."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 760, 380, 70, 50, 230, 20
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")


def lines(drawn: Mapping[str, Sequence[tuple[float, float]]], *, x: str, y: str) -> str:
    """One line for each name, through its points; both axes are logarithmic."""
    xs = [log10(at) for points in drawn.values() for at, _ in points]
    ys = [log10(max(value, 1e-3)) for points in drawn.values() for _, value in points]
    low, high = int(min(ys) - 1), int(max(ys) + 1)

    def at(point: tuple[float, float]) -> tuple[float, float]:
        across = (log10(point[0]) - min(xs)) / (max(xs) - min(xs) or 1)
        up = (log10(max(point[1], 1e-3)) - low) / (high - low)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - BOTTOM - TOP)

    parts = [_text(LEFT, HEIGHT - 8, x), _text(6, TOP - 6, y)]
    for exponent in range(low, high + 1):
        _, height = at((10 ** min(xs), 10.0**exponent))
        parts.append(f'<path d="M{LEFT} {height:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(6, height + 4, f"{10.0**exponent:g}"))
    widths = sorted({point[0] for points in drawn.values() for point in points})
    parts += [_text(at((width, 1))[0] - 12, HEIGHT - BOTTOM + 18, f"{width:,.0f}") for width in widths]
    for (name, points), colour in zip(drawn.items(), COLOURS, strict=False):
        path = "L".join(f"{left:.1f} {top:.1f}" for left, top in map(at, points))
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(at(points[-1])[0] + 6, at(points[-1])[1] + 4, name, colour))
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _text(left: float, top: float, words: str, colour: str = "#333") -> str:
    safe = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{left:.1f}" y="{top:.1f}" fill="{colour}">{safe}</text>'
