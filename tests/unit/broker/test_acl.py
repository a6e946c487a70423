"""The Redis accounts of hubs and publishers."""

import pytest

from sse_hub.broker.acl import account, hub_rules, publisher_rules
from sse_hub.errors import InvalidSetting
from tests.support.settings import ROOT

MANUAL = (ROOT / "docs" / "operations.md").read_text()


def test_an_account_begins_from_nothing_and_tells_no_password() -> None:
    made = account("hub", "secret", hub_rules(["app.*"]))

    assert made.command.startswith("ACL SETUSER hub reset on #")
    assert made.line.startswith("user hub on #")
    assert "secret" not in made.command
    assert "resetchannels &sse-hub:fence &app.*" in made.rules
    assert "@" not in made.rules, "no class of commands: only those that are needed"


@pytest.mark.parametrize("pattern", ["*", "sse-hub:fence", "sse*", "*fence"])
def test_publishers_never_have_the_channel_of_fences(pattern: str) -> None:
    with pytest.raises(InvalidSetting, match="forge"):
        publisher_rules([pattern])


def test_the_manual_has_the_rights_that_the_command_gives() -> None:
    for rule in hub_rules(["app.*"]).split():
        assert rule in MANUAL
