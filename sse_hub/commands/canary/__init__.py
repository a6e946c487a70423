"""
The canary: it publishes numbered lines through Redis, reads them back as any client would, and judges what arrived.

    Lines --> Publisher --> Redis --> hub --> Reader --> Judge --> Report
                  └───────> Ledger ────────────────────────┘

Nothing of the server imports it, and it knows of the hub only what docs/protocol.md says.
"""

from sse_hub.commands.canary.judge import Judge, Verdict
from sse_hub.commands.canary.ledger import Ledger
from sse_hub.commands.canary.lines import CanaryLines
from sse_hub.commands.canary.report import Report
from sse_hub.commands.canary.run import CanaryPlan, run_canary

__all__ = ["Judge", "Ledger", "CanaryLines", "CanaryPlan", "Report", "Verdict", "run_canary"]
