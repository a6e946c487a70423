"""
The Lua scripts, which Redis runs in one step. The head of each describes its keys and arguments.

    script("clock", "fence") --> lua/clock.lua and lua/fence.lua as one text
"""

from importlib.resources import files

# Those of publishers: `sse-hub ship` and `sse-hub docker`, handlers with durable=True, and `sse-hub check`.
PUBLISHER_SCRIPTS = (("clock", "ship"), ("clock", "publish"), ("clock", "fence"), ("recorded",))


def script(*names: str) -> str:
    """The text of the files `lua/<name>.lua`, joined: later ones use functions that earlier ones define."""
    return "\n".join((files("sse_hub.broker") / "lua" / f"{name}.lua").read_text(encoding="utf-8") for name in names)
