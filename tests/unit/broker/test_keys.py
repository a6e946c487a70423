"""The names of all keys and channels: publishers, accounts and hubs of other versions rely on them."""

from inspect import getmembers

import pytest
from redis.crc import key_slot

from sse_hub.broker.acl import GUEST_KEYS, GUEST_READS
from sse_hub.broker.keys import CLUSTER_PREFIX, PREFIX, LogKeys, Partition
from sse_hub.errors import InvalidChannel
from sse_hub.protocol.selection import Selection
from tests.support.settings import ROOT

NAMES = {
    "fence_channel": "fence",
    "clock": "clock",
    "fences": "fences",
    "channels": "channels",
    "recent": "recent",
    "probe_fence_channel": "probe:fence",
    "forgotten": "forgotten",
    "revoked": "revoked",
    "log": "log:app.web",
    "published": "published:k1",
    "published_by": "published-by:2bd806c97f0e00af1a1fc3328fa763a9",
    "replicated": "replicated",
    "left": "left",
    "ticket": "ticket:0f",
    "shipped": "shipped:r1",
    "check": "check:a",
}
ARGUMENTS = {
    "log": "app.web",
    "published": "k1",
    "published_by": "alice",
    "ticket": "0f",
    "shipped": "r1",
    "check": "a",
    "alert_groups": "pay",
}
# {} stands for the name of the group.
GROUP_NAMES = {
    "lease": "lease{}",
    "taps": "taps{}",
    "watermark": "watermark{}",
    "gaps": "breaks{}",
    "alerts": "alerts{}",
    "alert_sent": "alert-sent{}",
    "alert_state": "alert-state{}",
    "alert_groups": "alert-groups{}:pay",
    "rules": "rules{}",
}
PREFIXES = pytest.mark.parametrize(("prefix", "in_cluster"), [("sse-hub:", False), ("{sse-hub}:", True)])


def names_of(keys: Partition | LogKeys) -> dict[str, str]:
    members = {name: value for name, value in getmembers(keys) if not name.startswith("_")}
    for name in ("prefix", "in_cluster", "partition", "group", "of"):
        members.pop(name, None)
    return {name: value(ARGUMENTS[name]) if name in ARGUMENTS else value for name, value in members.items()}


@PREFIXES
def test_the_names_of_a_partition(prefix: str, in_cluster: bool) -> None:
    partition = Partition(prefix)

    assert names_of(partition) == {member: prefix + name for member, name in NAMES.items()}
    assert partition.in_cluster == in_cluster


@PREFIXES
@pytest.mark.parametrize(
    ("ingest", "group"), [(["*"], ""), (["app.*", "log"], ":59c3c957482b"), (["log", "app.*"], ":59c3c957482b")]
)
def test_the_names_of_a_group(prefix: str, in_cluster: bool, ingest: list[str], group: str) -> None:
    keys = LogKeys.of(Partition(prefix), ingest)

    assert names_of(keys) == {member: prefix + name.format(group) for member, name in GROUP_NAMES.items()}
    assert keys.partition.in_cluster == in_cluster


def test_names_follow_the_prefix_when_a_server_turns_out_to_be_in_a_cluster() -> None:
    partition = Partition()
    keys = LogKeys.of(partition, ["*"])
    assert (partition.clock, keys.lease) == ("sse-hub:clock", "sse-hub:lease")

    partition.prefix = CLUSTER_PREFIX

    assert (partition.clock, keys.lease) == ("{sse-hub}:clock", "{sse-hub}:lease")


def test_all_keys_are_in_one_slot_of_a_cluster() -> None:
    partition = Partition(CLUSTER_PREFIX)
    keys = [*names_of(partition).values(), partition.log("{other}:log")]
    for ingest in (["*"], ["app.*"]):
        keys += names_of(LogKeys.of(partition, ingest)).values()

    assert {key_slot(key.encode()) for key in keys} == {key_slot(b"sse-hub")}


@pytest.mark.parametrize("prefix", [PREFIX, CLUSTER_PREFIX])
def test_no_publishers_channel_begins_like_them(prefix: str) -> None:
    with pytest.raises(InvalidChannel):
        Selection.parse([prefix + "x"])


def test_no_script_names_a_key_itself() -> None:
    scripts = sorted((ROOT / "sse_hub" / "broker" / "lua").glob("*.lua"))

    assert scripts
    assert [each.name for each in scripts if "sse-hub" in each.read_text()] == []


def test_the_rights_of_guests_are_for_names_that_exist() -> None:
    known = {*NAMES.values(), *GROUP_NAMES.values()}

    for right in (*GUEST_KEYS, *GUEST_READS):
        assert any(name == right or (right.endswith("*") and name.startswith(right[:-1])) for name in known)
