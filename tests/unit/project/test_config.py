"""Settings: their sources, and the errors for invalid ones."""

from dataclasses import fields

import pytest

from sse_hub.config import Config
from sse_hub.errors import InvalidSetting
from tests.support.settings import ROOT

# Settings of access, of limits and of alerts are in the documents that explain them.
PAGES = ("README.md", "docs/security.md", "docs/limits.md", "docs/alerts.md")
TABLES = "\n".join((ROOT / page).read_text() for page in PAGES)


def test_an_option_wins_over_the_environment_which_wins_over_the_default() -> None:
    environ = {"SSE_HUB_PORT": "8000", "SSE_HUB_HOST": "::1"}

    config = Config.read({"port": "9000", "host": None}, environ)

    assert (config.port, config.host, config.ring_lines) == (9000, "::1", 50_000)


def test_redis_url_is_also_read_from_the_variable_without_prefix() -> None:
    assert Config.read({}, {"REDIS_URL": "redis://a:1/0"}).redis_url == "redis://a:1/0"
    both = {"REDIS_URL": "redis://a:1/0", "SSE_HUB_REDIS_URL": "redis://b:1/0"}
    assert Config.read({}, both).redis_url == "redis://b:1/0"


def test_ingest_patterns_are_separated_by_spaces_or_commas() -> None:
    assert Config.read({}, {"SSE_HUB_INGEST": "shop.*, log,log"}).ingest == ("shop.*", "log")


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("SSE_HUB_PORT", "80 91", "must be an integer from 1 to 65535"),
        ("SSE_HUB_PORT", "0", "must be an integer from 1 to 65535"),
        ("SSE_HUB_DEMO", "perhaps", "must be true, false, 1 or 0"),
        ("SSE_HUB_INGEST", "a?", "channel patterns"),
        ("SSE_HUB_LOG_LEVEL", "loud", "one of debug, info, warning, error"),
        ("SSE_HUB_RETAIN_TIME", "0h", "must be a duration such as 90s, 30m, 24h or 7d"),
        ("SSE_HUB_HOST", "", "must not be empty"),
    ],
)
def test_an_invalid_value_is_named_with_the_allowed_ones(variable: str, value: str, allowed: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Config.read({}, {variable: value})

    assert f"{variable}={value!r}" in str(caught.value)
    assert allowed in str(caught.value)


def test_an_invalid_redis_url_is_reported_without_its_value() -> None:
    with pytest.raises(InvalidSetting, match=r"^SSE_HUB_REDIS_URL is invalid: must be redis://"):
        Config.read({}, {"SSE_HUB_REDIS_URL": "redis://127.0.0.1:abc/0"})


def test_an_invalid_option_is_named_as_it_was_typed() -> None:
    with pytest.raises(InvalidSetting, match="--ring-lines='few'"):
        Config.read({"ring_lines": "few"}, {})


def spelled(default: object) -> str:
    if isinstance(default, tuple):
        return " ".join(default) or "not set"
    if default is None or default is False:
        return "not set" if default is None else "off"
    return f"{default:,}" if isinstance(default, int) and default >= 10_000 else str(default)


@pytest.mark.parametrize("field", fields(Config), ids=lambda field: field.name)
def test_the_table_of_settings_lists_every_setting_with_its_default(field: object) -> None:
    name, shown = field.name, spelled(field.default)  # type: ignore[attr-defined]

    rows = [line for line in TABLES.splitlines() if line.startswith(f"| `--{name.replace('_', '-')}`")]

    assert len(rows) == 1
    assert f"| {shown} |" in rows[0]
