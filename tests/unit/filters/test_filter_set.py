"""A set of filters finds what each of its filters finds alone."""

import json
import random

from sse_hub.errors import InvalidFilter
from sse_hub.filters.compile import Filter, compile_filter
from sse_hub.filters.filter_set import LEAST_FILTERS, FilterSet
from sse_hub.filters.line import FilteredLine
from tests.support.filter_engines import FIXTURE, NOW_MS


def filters_of_the_cases() -> dict[str, Filter]:
    typed = {text for case in FIXTURE["cases"] for text in (*case["found"], *case["unfound"])}
    filters = {}
    for text in sorted(typed):
        try:
            filters[text] = compile_filter(text, NOW_MS)
        except InvalidFilter:
            continue
    return filters


def test_all_filters_of_the_cases_together_find_what_each_finds_alone() -> None:
    filters = filters_of_the_cases()
    together = FilterSet(filters)
    some = zip(*[iter(filters)] * LEAST_FILTERS, strict=False)
    few = [FilterSet({key: filters[key] for key in keys}) for keys in some]

    assert len(filters) > 500
    for case in FIXTURE["cases"]:
        payload = case["line"].encode(errors="surrogatepass")
        alone = [key for key, filter in filters.items() if filter.matches(FilteredLine(payload, "shop.orders"))]
        assert sorted(together.matching(FilteredLine(payload, "shop.orders"))) == alone, case["name"]
        found = [key for each in few for key in each.matching(FilteredLine(payload, "shop.orders"))]
        asked = {key for each in few for key in each._filters}
        assert sorted(found) == [key for key in alone if key in asked]


def test_most_lines_have_no_candidate_of_a_thousand_filters() -> None:
    filters = FilterSet({n: compile_filter(f"user=user-{n}", NOW_MS) for n in range(1_000, 2_000)})

    assert list(filters.candidates(FilteredLine(b'{"message": "order placed", "user": "user-999"}'))) == []
    assert list(filters.candidates(FilteredLine(b'{"message": "order placed", "user": "user-1999"}'))) == [1_999]
    assert len(list(filters.candidates(FilteredLine(rb'{"user": "user-\u0031999"}')))) == 1_000, "it hides a letter"


def test_bytes_that_are_no_text_are_looked_at_as_well() -> None:
    filters = FilterSet({typed: compile_filter(typed, NOW_MS) for typed in ("caf", "é1", "zürich", "user=ü", "x-")})

    assert filters.matching(FilteredLine(b"caf\xe9 \xff")) == ["caf"]
    assert filters.matching(FilteredLine("É1 ZÜRICH".encode())) == ["é1", "zürich"]


def test_a_set_of_no_filters_finds_nothing() -> None:
    assert FilterSet[str]({}).matching(FilteredLine(b"x")) == []


def test_a_set_of_the_largest_filters_finds_what_each_of_them_does() -> None:
    chance = random.Random(7)
    values = [[f"{chance.getrandbits(112):028x}" for _ in range(30)] for _ in range(500)]
    filters = {n: compile_filter(f"u={','.join(some)}", 0) for n, some in enumerate(values)}
    set_of_all = FilterSet(filters)

    for n in range(0, 500, 25):
        line = FilteredLine(
            json.dumps({"m": chance.choice(values[n - 1])[:20], "u": chance.choice(values[n])}).encode()
        )
        assert set_of_all.matching(line) == [n]
