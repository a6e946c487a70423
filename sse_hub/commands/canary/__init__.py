"""
A canary: it publishes numbered lines through Redis, reads them back as any client would, and verifies what arrived.

    CanaryLines --> CanaryPublisher --> Redis --> hub --> CanaryReader --> StreamVerifier --> Report
                          └──────────> PublishedLines ─────────────────────────┘

The server imports none of this, and all that it knows of the hub is in docs/protocol.md.
"""

from sse_hub.commands.canary.report import Report
from sse_hub.commands.canary.run import CanaryPlan, run_canary

__all__ = ["CanaryPlan", "Report", "run_canary"]
