"""
Bars as SVG, readable on light and on dark. Pure; no I/O.
"""

from collections.abc import Sequence
from html import escape
from math import log10

WIDTH = 720
BAR = 22
GAP = 10
TOP = 56
LABELS = 170
VALUES = 110

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.note, .value { fill: #59636e }
.bar { fill: #8c959f }
.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.note, .value { fill: #9198a1 }
.bar { fill: #656c76 }
.ours { fill: #4493f8 }
}
"""


def bars(title: str, note: str, values: Sequence[tuple[str, float, str]], ours: str) -> str:
    """
    A bar for each (label, value, text of the value), on a scale of powers of ten if they are far apart.

    The bar whose label is `ours` has a colour of its own. Nothing may be 0 or less.
    """
    height = TOP + len(values) * (BAR + GAP)
    shares = scaled([value for _, value, _ in values])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="0" y="18">{escape(title)}</text>',
        f'<text class="note" x="0" y="38">{escape(note)}{", logarithmic" if logarithmic(values) else ""}</text>',
    ]
    for place, ((label, _, text), share) in enumerate(zip(values, shares, strict=True)):
        y = TOP + place * (BAR + GAP)
        length = max(2.0, share * (WIDTH - LABELS - VALUES))
        kind = "bar ours" if label == ours else "bar"
        parts += [
            f'<text x="{LABELS - 10}" y="{y + 16}" text-anchor="end">{escape(label)}</text>',
            f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3"/>',
            f'<text class="value" x="{LABELS + length + 8:.1f}" y="{y + 16}">{escape(text)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def logarithmic(values: Sequence[tuple[str, float, str]]) -> bool:
    """True when the smallest bar would hardly be seen beside the largest."""
    found = [value for _, value, _ in values]
    return max(found, default=1.0) > 30 * min(found, default=1.0)


def scaled(values: Sequence[float]) -> list[float]:
    """Lengths of bars, 0 to 1: proportional, or by powers of ten from one below the smallest."""
    if not values:
        return []
    if max(values) <= 30 * min(values):
        return [value / max(values) for value in values]
    lowest = log10(min(values)) - 0.5
    return [(log10(value) - lowest) / (log10(max(values)) - lowest) for value in values]
