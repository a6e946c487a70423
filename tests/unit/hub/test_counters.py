"""Counters: histograms, and the namespaces that label them."""

from sse_hub.hub.counters import MAX_NAMESPACES, OTHERS, SEVERAL, Buckets, Counters, Namespaces


def test_a_histogram_counts_a_value_in_the_first_bucket_that_holds_it() -> None:
    spread = Buckets((1.0, 2.0))

    for value in (0.5, 1.0, 1.5, 9.0):
        spread.add(value)

    assert spread.counts == [2, 1, 1]
    assert spread.sum == 12.0


def test_a_namespace_is_the_part_of_a_name_before_its_first_separator() -> None:
    names = {"log": "log", "shop.api": "shop", "a/b.c": "a", "a:b": "a", "shop.*": "shop", ".x": "."}
    names |= {"*": SEVERAL, "sh*.a": SEVERAL}

    assert {name: Namespaces().of(name) for name in names} == names


def test_the_number_of_namespaces_is_bounded() -> None:
    namespaces = Namespaces()
    first = [namespaces.of(f"n{number}.a") for number in range(MAX_NAMESPACES)]

    assert namespaces.of("one-more.a") == OTHERS
    assert namespaces.of("n0.b") == first[0]
    assert namespaces.of_all(("n1.a", "n1.b")) == "n1"
    assert namespaces.of_all(("n1.a", "n2.b")) == SEVERAL


def test_every_counter_exists_with_zero_before_it_rises() -> None:
    assert Counters().gaps["slow"] == 0
    assert dict(Counters().gaps)
