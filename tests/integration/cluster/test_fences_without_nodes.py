"""Why fences carry their node: hubs that ignore it give lines other ids, and the judge finds that."""

import asyncio
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event

import pytest
import redis

from sse_hub.broker.keys import CLUSTER_PREFIX, Partition
from sse_hub.broker.scripts import script
from tests.support.cluster_servers import ClusterServers, cluster_servers
from tests.support.cluster_trial import REDIS, on_trial
from tests.support.settings import FULL_SCALE, ROOT, at_scale
from tests.support.trial_load import LINES_PER_SECOND

MOVES = at_scale(3, 10)
# Hubs that learn late that the anchor has moved, as where many nodes are to be asked, or some are frozen.
LATE = {
    "broker/topology.py": [
        ("POLL_SECONDS = 0.2", "POLL_SECONDS = 2.0"),
        ("SUSPICION_SECONDS = 2.0", "SUSPICION_SECONDS = 0.0"),
    ]
}
WITHOUT_NODES = {
    "broker/session.py": [("if node != self._node:", "if False:"), ("tenure + SETTLE_MS if node else 0", "0")]
}


@pytest.mark.parametrize("changes", [LATE | WITHOUT_NODES, *([LATE] if FULL_SCALE else [])])
async def test_hubs_that_learn_late_of_a_move_agree_only_by_the_node_in_a_fence(
    tmp_path: Path, changes: dict[str, list[tuple[str, str]]]
) -> None:
    """Else the other tests could hold because nothing happens in them. At full scale, these hubs hold with the node."""
    root = changed_copy(tmp_path / "hub", changes)
    with cluster_servers(node_timeout_ms=1_500, binary=REDIS) as rig, ExitStack() as stack:
        async with on_trial(rig, lines_per_second=2 * LINES_PER_SECOND, root=root) as trial:
            stack.enter_context(fences(rig))
            for _ in range(MOVES):
                await trial.sent(LINES_PER_SECOND)
                target = next(each for each in rig.primaries() if each != rig.wait_owner())
                await asyncio.to_thread(rig.move_slot, target)
                await trial.recovered()
            await trial.sent(LINES_PER_SECOND)

    verdict = trial.verdict
    if changes == LATE:
        assert verdict.holds, str(verdict)
    else:
        assert verdict.different or verdict.twice or verdict.disordered, str(verdict)


@contextmanager
def fences(rig: ClusterServers) -> Iterator[None]:
    """A fence at the anchor every few ms for the duration of the block, as busy publishers of ours make them."""
    stopped = Event()
    keys = Partition(CLUSTER_PREFIX)

    def issue() -> None:
        text = script("clock", "fence")
        with redis.RedisCluster(host=rig.nodes[0].host, port=rig.nodes[0].port) as client:
            while not stopped.wait(0.005):
                with suppress(redis.RedisError):
                    client.eval(text, 2, keys.clock, keys.fences, "0", keys.fence_channel)

    with ThreadPoolExecutor(1) as pool:
        issuing = pool.submit(issue)
        try:
            yield
        finally:
            stopped.set()
            issuing.result()


def changed_copy(root: Path, changes: dict[str, list[tuple[str, str]]]) -> Path:
    """A copy of the hub in `root`, with `changes` to its modules."""
    for folder in ("sse_hub", "web"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    shutil.copy(ROOT / "run.py", root)
    for name, replacements in changes.items():
        module = root / "sse_hub" / name
        text = module.read_text()
        for now, then in replacements:
            assert text.count(now) == 1, now
            text = text.replace(now, then)
        module.write_text(text)
    return root
