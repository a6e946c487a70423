"""
sse-hub: a live log hub. Lines come in by Redis `PUBLISH`, go out as Server-Sent Events.

A line travels down this list of modules; imports point up it, and `tests/unit/test_layers.py` holds them to it:

    errors < config < events < lines < selection < frames < ring < position < subscriber < feed < hub
           < fence < session < source < stream < routes < app < embedded < serve < demo < cli
"""

__version__ = "0.1.0"
