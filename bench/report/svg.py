"""Bar charts as SVG, readable in light and dark mode. Pure; no I/O."""

from collections.abc import Sequence
from html import escape
from math import log10

WIDTH = 720
BAR_HEIGHT = 22
BAR_SPACING = 10
TOP = 56
LABEL_WIDTH = 170
VALUE_WIDTH = 110

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


def bar_chart(title: str, note: str, values: Sequence[tuple[str, float, str]], ours: str) -> str:
    """
    Return a chart with a bar for each (label, value, text of the value); the scale is logarithmic for a wide range.

    The bar labelled `ours` has its own colour. All values must be positive.
    """
    height = TOP + len(values) * (BAR_HEIGHT + BAR_SPACING)
    lengths = bar_lengths([value for _, value, _ in values])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="0" y="18">{escape(title)}</text>',
        f'<text class="note" x="0" y="38">{escape(note)}{", logarithmic" if is_logarithmic(values) else ""}</text>',
    ]
    for index, ((label, _, text), length) in enumerate(zip(values, lengths, strict=True)):
        y = TOP + index * (BAR_HEIGHT + BAR_SPACING)
        width = max(2.0, length * (WIDTH - LABEL_WIDTH - VALUE_WIDTH))
        kind = "bar ours" if label == ours else "bar"
        parts += [
            f'<text x="{LABEL_WIDTH - 10}" y="{y + 16}" text-anchor="end">{escape(label)}</text>',
            f'<rect class="{kind}" x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}" rx="3"/>',
            f'<text class="value" x="{LABEL_WIDTH + width + 8:.1f}" y="{y + 16}">{escape(text)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def is_logarithmic(values: Sequence[tuple[str, float, str]]) -> bool:
    """True if the smallest bar would hardly be visible beside the largest on a linear scale."""
    numbers = [value for _, value, _ in values]
    return max(numbers, default=1.0) > 30 * min(numbers, default=1.0)


def bar_lengths(values: Sequence[float]) -> list[float]:
    """Return the lengths of the bars, 0 to 1: proportional, or logarithmic from half a decade below the smallest."""
    if not values:
        return []
    if max(values) <= 30 * min(values):
        return [value / max(values) for value in values]
    lowest = log10(min(values)) - 0.5
    return [(log10(value) - lowest) / (log10(max(values)) - lowest) for value in values]
