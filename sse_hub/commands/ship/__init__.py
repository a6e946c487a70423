"""
The shipper: it follows files as `tail -F` does, and publishes each of their lines once.

    names --> Trail: live file, rotated ones --> Reader --> records --> Batch --> Sender --> lua/ship.lua
                └── Registry: which file is which, and how far ◄────── acknowledged ──┘

Which line has been published is known in one place: Redis, where it is written in the step that publishes.
"""

from sse_hub.commands.ship.run import ShipPlan, ship

__all__ = ["ShipPlan", "ship"]
