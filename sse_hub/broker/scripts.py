"""
The Lua scripts: what runs in Redis in one step. Each says in its head what its keys and arguments are.

    script("clock", "fence") --> lua/clock.lua and lua/fence.lua as one text
"""

from importlib.resources import files


def script(*names: str) -> str:
    """The text of the files `lua/<name>.lua`, one after the other: the later ones use what the earlier define."""
    return "\n".join((files("sse_hub.broker") / "lua" / f"{name}.lua").read_text() for name in names)
