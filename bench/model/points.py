"""
The measured points of the model, all from one machine on 2026-11-21.

Two cores (AMD EPYC, a virtual machine), Linux 6.18, Redis 7.0.15, Python 3.11, loopback; the hub, Redis, the publisher
and the load client shared the cores. CALIBRATION is from `python -m bench.model.calibrate`, 5 s each. FITTED and TESTED
are from the three rounds of `python -m bench --scale 0.25` that docs/benchmarks.md shows.
"""

from bench.model.costs import Point, Workload

CALIBRATION = (
    Point("idle", Workload(0, 0), ms_per_second=(6,)),
    Point("no subscribers, 100 lines/s", Workload(0, 100), ms_per_second=(27.2,)),
    Point("no subscribers, 1,000 lines/s", Workload(0, 1_000), ms_per_second=(81.2,)),
    Point("no subscribers, 10,000 lines/s", Workload(0, 10_000), ms_per_second=(192,)),
    Point("no subscribers, 100,000 lines/s", Workload(0, 100_000), ms_per_second=(526,)),
)
"""Lines without subscribers, and no lines at all: the hub's CPU without the cost of deliveries."""

FITTED = (
    Point(
        "S1",
        Workload(100, 100),
        cpu_us=(11.2, 8.4, 8.8),
        chunk_lines=(0.996, 0.996, 0.996),
        reader_us=(7.16, 5.48, 5.44),
        p50_ms=(1.41, 1.06, 1.14),
        p99_ms=(3.87, 1.97, 1.9),
        floor_p99_ms=(1.65, 1.39, 1.3),
    ),
    Point(
        "S9-100",
        Workload(100, 100, burst=10),
        cpu_us=(2.4, 2, 2.2),
        chunk_lines=(9.8, 9.8, 9.8),
        reader_us=(0.92, 0.88, 0.96),
        p50_ms=(1.74, 1.5, 1.6),
        p99_ms=(2.78, 2.18, 2.37),
        floor_p99_ms=(2, 1.52, 1.73),
    ),
    Point(
        "S9-1000",
        Workload(1_000, 100, burst=10),
        cpu_us=(0.98, 1.02, 1.06),
        chunk_lines=(9.8, 9.8, 9.8),
        reader_us=(0.762, 0.792, 0.862),
        p50_ms=(7.49, 7.94, 6.98),
        p99_ms=(18.2, 18.2, 17.4),
        floor_p99_ms=(27.1, 12.9, 15.6),
    ),
    Point(
        "S2-5000",
        Workload(1_000, 5_000),
        cpu_us=(0.154, 0.186, 0.169),
        chunk_lines=(122, 128, 136),
        reader_us=(0.226, 0.224, 0.218),
        p50_ms=(299, 442, 266),
        p99_ms=(705, 762, 778),
        floor_p99_ms=(369, 365, 236),
    ),
)
"""
The model's costs are fitted to these and CALIBRATION. In S2-5000 the load client can't keep up, with the floor either:
its CPU is used for the fit, but no latency is.
"""

TESTED = (
    Point(
        "S2",
        Workload(1_000, 1_000),
        cpu_us=(0.624, 0.632, 0.632),
        chunk_lines=(13.8, 13.4, 12.9),
        reader_us=(0.528, 0.522, 0.518),
        p50_ms=(11.9, 10.5, 9.98),
        p99_ms=(32, 24.6, 22),
        floor_p99_ms=(12.4, 12.7, 9.47),
    ),
    Point(
        "S2-2000",
        Workload(1_000, 2_000),
        cpu_us=(0.306, 0.322, 0.32),
        chunk_lines=(22.1, 25.8, 25.8),
        reader_us=(0.362, 0.386, 0.358),
        p50_ms=(9.6, 12.5, 11.3),
        p99_ms=(21.5, 36.4, 28.2),
        floor_p99_ms=(14.6, 71.7, 12.3),
    ),
    Point(
        "S9-10000",
        Workload(10_000, 100, burst=10),
        cpu_us=(0.668, 0.83, 0.85),
        chunk_lines=(13.2, 9.8, 9.8),
        reader_us=(0.555, 0.689, 0.713),
        p50_ms=(135, 49.2, 54.3),
        p99_ms=(295, 164, 158),
        floor_p99_ms=(91.1, 92.2, 104),
    ),
)
"""Not used for the fit: what the model says about these is a prediction."""
