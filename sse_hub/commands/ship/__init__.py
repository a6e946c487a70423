"""
The shipper: it follows files like `tail -F`, and publishes each of their lines exactly once.

    patterns --> RotationTracker: live and rotated files --> FileReader --> SourceBatch --> BatchSender --> lua/ship.lua
                └── Registry: which file is which, and how far ◄────── acknowledged ──┘

Only Redis knows for certain which lines have been published: it is recorded in the step that publishes them.
"""

from sse_hub.commands.ship.run import ShipPlan, ship_files

__all__ = ["ShipPlan", "ship_files"]
