"""Templates: names in braces, and nothing else."""

import pytest

from sse_hub.alerts.template import MAX_TEXT_CHARACTERS, TextTemplate, one_line


def test_names_stand_for_values() -> None:
    template = TextTemplate("{rule}: {count} × {message} ({service}) {{x}} {req.user-id}")

    assert template.fields == ("service", "req.user-id")
    assert template.render(
        {"rule": "pay", "count": "3", "message": "no {rule}", "service": "a", "req.user-id": "7"}
    ) == ("pay: 3 × no {rule} (a) {x} 7")


@pytest.mark.parametrize("text", ["{0.__class__}", "{__import__}", "{message.__init__.__globals__}", "{self}"])
def test_a_name_is_a_key_and_nothing_more(text: str) -> None:
    assert TextTemplate(text).render({"message": "m"}) == ""


@pytest.mark.parametrize(
    "value",
    [
        "a\r\nBcc: all@example",
        "a\nb",
        "a\x00b",
        "a\x1b[31mb",
        "a\u2028b",
        "a\u202eb",
        "a\u0085b",
        "a\ud800b",
        "a\ufeffb",
    ],
)
def test_a_value_stays_in_its_line(value: str) -> None:
    text = TextTemplate("<{v}>").render({"v": value})

    assert text.isprintable()
    assert text.startswith("<a ")
    text.encode()


def test_long_values_and_texts_are_cut() -> None:
    assert len(TextTemplate("{v}").render({"v": "x" * 10_000_000})) == 300
    assert len(TextTemplate("{v}" * 100).render({"v": "x" * 1_000})) == MAX_TEXT_CHARACTERS
    assert one_line("abc", 3) == "abc"
    assert one_line("abcd", 3) == "ab…"
    assert one_line("a\n\n\n\n\n\n\n\n", 3) == "a …"
