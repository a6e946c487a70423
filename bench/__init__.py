"""
The hub measured beside its peers, in one run on one machine.

    scenarios --> run: server, native/publish.c, native/load.c, /proc --> Measurement --> report --> docs/benchmarks.md

    scenarios           what is measured
    run, measure        one run of a scenario against one server; scenarios_extra: those that only the hub has
    servers, peers/     the hub, the C floor and the peers, all started in the same way
    native/             the load client, the publisher and the floor in C, and what builds and runs them
    report/             medians, tables, plots and the page
    model/              a model of the hub's CPU and latency, fitted to measurements (docs/scaling.md)
    topologies          what Sentinels and a cluster cost a hub in calm times (docs/scaling.md)
    rules, filtered_streams    what rules for alerts and streams with filters cost (docs/decisions)
    handler             what `RedisHandler` costs an app; podman_follow: lines that Podman skips when it follows a log

The latency percentiles (p50, p99) are computed in native/load.c. `python -m bench --help` lists the options; `make
bench` runs everything.
"""
