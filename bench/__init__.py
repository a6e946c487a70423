"""
The hub measured beside its peers, in one run on one machine.

    scenarios --> measure: a server, publish.c, load.c, /proc --> measurements --> medians --> table, docs/benchmarks.md

`python -m bench --help` says what can be chosen; `make bench` runs all.
"""
