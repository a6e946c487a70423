"""The Redis accounts of hubs and publishers."""

import pytest

from sse_hub.broker.acl import account, hub_rules, publisher_rules, sentinel_rules
from sse_hub.broker.keys import CLUSTER_PREFIX
from sse_hub.errors import InvalidSetting
from tests.support.settings import ROOT

MANUAL = (ROOT / "docs" / "operations.md").read_text()


def test_an_account_starts_without_rights_and_shows_no_password() -> None:
    made = account("hub", "secret", hub_rules(["app.*"]))

    assert made.command.startswith("ACL SETUSER hub reset on #")
    assert made.line.startswith("user hub on #")
    assert "secret" not in made.command
    assert made.rules.endswith("~sse-hub:* resetchannels &sse-hub:fence &sse-hub:probe:* &app.*")
    assert "@" not in made.rules, "only single commands, no category"


def test_an_account_of_a_hub_on_a_cluster_has_the_keys_and_channels_of_its_slot() -> None:
    rules = hub_rules(["app.*"], CLUSTER_PREFIX)

    assert rules.endswith("~{sse-hub}:* resetchannels &{sse-hub}:fence &{sse-hub}:probe:* &sse-hub:probe:* &app.*")
    assert "@" not in rules, "only single commands, no category"


@pytest.mark.parametrize(
    "pattern", ["*", "sse-hub:fence", "sse*", "*fence", "{sse-hub}:*", "*}:fence", "sse-hub:probe:*", "*:7"]
)
def test_a_publisher_account_never_has_the_fence_channel(pattern: str) -> None:
    """Nor those of the probe of order, by which it could make a hub refuse its server."""
    with pytest.raises(InvalidSetting, match="forge"):
        publisher_rules([pattern])
    with pytest.raises(InvalidSetting, match="forge"):
        publisher_rules(["app.*", pattern], CLUSTER_PREFIX)


def test_the_manual_lists_the_rights_that_redis_acl_grants() -> None:
    for rules in (
        hub_rules(["app.*"]),
        hub_rules(["app.*"], CLUSTER_PREFIX),
        publisher_rules(["app.*"], CLUSTER_PREFIX),
        sentinel_rules(),
    ):
        written = " ".join(MANUAL.split())
        assert f"reset on >secret {rules}" in written
