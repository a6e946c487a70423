"""
What keeps people out of the page: what axe-core finds, and what is too small for a finger.

    page.evaluate(axe_source()); page.evaluate(FINDINGS) --> []          page.evaluate(SMALL) --> []
"""

import pytest

from tests.support.settings import ROOT

# What can be tapped here and now, and is smaller than a finger; a box to tick has its label around it.
SMALL = """() => [...document.querySelectorAll("button, input, select, textarea, summary, .row")]
  .map((each) => (["checkbox", "color"].includes(each.type) ? each.closest("label") : each))
  .filter((each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: false }))
  .map((each) => [each, each.getBoundingClientRect()])
  .filter(([each, { x, y, width, height }]) => {
    if (width >= 44 && height >= 44) return false;
    const hit = document.elementFromPoint(x + width / 2, y + height / 2);
    return hit !== null && (each.contains(hit) || hit.contains(each) && hit.closest("label"));
  })
  .map(([each, { width, height }]) => `${each.className || each.name} ${width}x${height}`)"""

AXE = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = """async () => {
  const { violations } = await axe.run(document, { preload: false, resultTypes: ["violations"] });
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = ({ target, failureSummary }) => `${target} ${failureSummary}`;
  return bad.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(told).join(" | ")}`);
}"""


def axe_source() -> str:
    """The source of axe-core, for a page to run."""
    if not AXE.exists():
        pytest.fail("axe-core is missing: tests/install-tools.sh gets it from npm")
    return AXE.read_text()
