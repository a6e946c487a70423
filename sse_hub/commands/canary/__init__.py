"""
The canary: it publishes numbered lines through Redis, reads them back as any client would, and judges what arrived.

    Lines --> Publisher --> Redis --> hub --> Reader --> Judge --> Report
                  └───────> Ledger ────────────────────────┘

Nothing of the server imports it, and it knows of the hub only what docs/protocol.md says.
"""

from sse_hub.commands.canary.lines import CanaryLines
from sse_hub.commands.canary.published import Ledger
from sse_hub.commands.canary.report import Report
from sse_hub.commands.canary.run import CanaryPlan, run_canary
from sse_hub.commands.canary.verifier import Judge, Verdict

__all__ = ["Judge", "Ledger", "CanaryLines", "CanaryPlan", "Report", "Verdict", "run_canary"]
