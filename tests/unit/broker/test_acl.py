"""The Redis accounts of hubs and publishers."""

import pytest

from sse_hub.broker.acl import account, hub_rules, publisher_rules
from sse_hub.broker.keys import CLUSTER_PREFIX
from sse_hub.errors import InvalidSetting
from tests.support.settings import ROOT

MANUAL = (ROOT / "docs" / "operations.md").read_text()


def test_an_account_starts_without_rights_and_shows_no_password() -> None:
    made = account("hub", "secret", hub_rules(["app.*"]))

    assert made.command.startswith("ACL SETUSER hub reset on #")
    assert made.line.startswith("user hub on #")
    assert "secret" not in made.command
    assert "resetchannels &sse-hub:fence &app.*" in made.rules
    assert "@" not in made.rules, "only single commands, no category"


@pytest.mark.parametrize("pattern", ["*", "sse-hub:fence", "sse*", "*fence"])
def test_a_publisher_account_never_has_the_fence_channel(pattern: str) -> None:
    with pytest.raises(InvalidSetting, match="forge"):
        publisher_rules([pattern])


def test_the_manual_lists_the_rights_that_redis_acl_grants() -> None:
    for rule in hub_rules(["app.*"]).split():
        assert rule in MANUAL


def test_accounts_for_a_cluster_have_its_prefix() -> None:
    rules = hub_rules(["app.*"], CLUSTER_PREFIX)

    assert rules.endswith("~{sse-hub}:* resetchannels &{sse-hub}:fence &app.*")
    assert "sse-hub:" not in rules
    with pytest.raises(InvalidSetting, match="forge"):
        publisher_rules(["{*"], CLUSTER_PREFIX)
