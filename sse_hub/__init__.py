"""
sse-hub: a live log hub. Lines come in by Redis `PUBLISH`, go out as Server-Sent Events.

A Sanic app of one's own mounts a hub with `hub_blueprint(Config(redis_url=…))`.

A line travels down this list of modules; imports point up it, and `tests/unit/test_layers.py` holds them to it:

    errors < redis_url < config < descriptors < journal < tally < tasks < process < keys < scripts < events < lines
           < repeats < selection < acl < frames < masks < ring < position < encoding < pages < replay < tail
           < backlog < whence < table < limits < subscriber < wheel < drain < guard < feed < channel < directory
           < survey < origin < intake < hub < step < shelf < log < lease < portions < aging < recorder < mend
           < fence < address < pool < inflow < session < source < turns < merge < stretch < history < search
           < export < body < publish < options < access < reply < stream < transfer < peers < context < refusal
           < caller < headers < porter < readings < exposition < metrics < reference < bundle < languages < minified
           < page < door < routes < questions < demo < app < embedded < serve < worker < supervisor < launch
           < connection < credential < canary < ops < logging < ship < docker < pipe < watch < cli
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sse_hub.app import hub_blueprint
    from sse_hub.config import Config

__all__ = ["Config", "hub_blueprint"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Only when it is asked for: an app that imports nothing but sse_hub.logging must not pay for a server.
    if name == "hub_blueprint":
        from sse_hub.app import hub_blueprint

        return hub_blueprint
    if name == "Config":
        from sse_hub.config import Config

        return Config
    raise AttributeError(f"module 'sse_hub' has no attribute {name!r}")
