"""
sse-hub: a live log hub. Lines come in by Redis `PUBLISH`, go out as Server-Sent Events.

A line travels down this list of modules; imports point up it, and `tests/unit/test_layers.py` holds them to it:

    errors < config < tasks < events < lines < selection < frames < ring < position < encoding < subscriber < wheel
           < drain < feed < channel < directory < origin < hub < fence < address < session < source < stream < context
           < page < routes < demo < app < embedded < serve < worker < supervisor < cli
"""

__version__ = "0.1.0"
