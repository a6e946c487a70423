"""
sse-hub: a live log hub. Lines come in by Redis `PUBLISH`, go out as Server-Sent Events.

A line travels down this list of modules; imports point up it, and `tests/unit/test_layers.py` holds them to it:

    errors < config < tasks < keys < scripts < events < lines < selection < frames < ring < position < encoding
           < pages < replay < subscriber < wheel < drain < feed < channel < directory < origin < intake < hub < step
           < shelf < log < lease < portions < recorder < mend < fence < address < inflow < session < source < merge
           < history < export < body < publish < access < stream < transfer < context < caller < headers < page < door
           < routes < demo < app < embedded < serve < worker < supervisor < canary < cli
"""

__version__ = "0.1.0"
