"""Counters: histograms, and the namespaces that label them."""

from sse_hub.hub.counters import MAX_NAMESPACES, OTHERS, SEVERAL, Buckets, Counters, Namespaces


def test_a_value_counts_up_to_the_first_bound_that_it_does_not_exceed() -> None:
    spread = Buckets((1.0, 2.0))

    for value in (0.5, 1.0, 1.5, 9.0):
        spread.add(value)

    assert spread.counts == [2, 1, 1]
    assert spread.sum == 12.0


def test_a_namespace_is_what_stands_before_the_first_mark() -> None:
    names = {"log": "log", "shop.api": "shop", "a/b.c": "a", "a:b": "a", "shop.*": "shop", ".x": "."}
    names |= {"*": SEVERAL, "sh*.a": SEVERAL}

    assert {name: Namespaces().of(name) for name in names} == names


def test_only_so_many_namespaces_are_told_apart() -> None:
    namespaces = Namespaces()
    first = [namespaces.of(f"n{number}.a") for number in range(MAX_NAMESPACES)]

    assert namespaces.of("one-more.a") == OTHERS
    assert namespaces.of("n0.b") == first[0]
    assert namespaces.of_all(("n1.a", "n1.b")) == "n1"
    assert namespaces.of_all(("n1.a", "n2.b")) == SEVERAL


def test_a_count_is_there_before_it_rises() -> None:
    assert Counters().gaps["slow"] == 0
    assert dict(Counters().gaps)
