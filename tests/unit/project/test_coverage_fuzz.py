"""The coverage-guided fuzzer finds its targets and makes their inputs. This needs no atheris."""

import pytest

from tests.support.coverage_fuzz import INPUT_BYTES, entry_of, kind_of, property_of, seeds_of, targets

RAW = "broker.test_session.test_a_session_receives_the_same_however_its_bytes_are_split"
TEXT = "project.test_fuzz_properties.test_any_text_as_a_cursor_is_parsed_or_refused"
HALVES = "commands.test_watch_printer.test_no_text_reaches_the_terminal_as_a_command"
MADE = "history.test_export.test_an_exported_csv_reads_back_as_published"


def test_every_property_test_without_fixtures_is_a_fuzz_target() -> None:
    assert {RAW, TEXT, MADE} < set(targets())


@pytest.mark.parametrize(("name", "kind"), [(RAW, bytes), (TEXT, str), (HALVES, str), (MADE, None)])
def test_a_fuzz_target_gets_the_kind_of_input_its_property_takes(name: str, kind: type | None) -> None:
    seeds, entry = seeds_of(name), entry_of(name)

    assert kind_of(property_of(name)) is kind
    assert len(seeds) >= 20
    assert max(map(len, seeds)) <= INPUT_BYTES
    assert [entry(seed) for seed in [b"\xff\0", *seeds[:20]]].count(0) >= 10
