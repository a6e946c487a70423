"""Resources of clients that vanish silently are freed. In a separate network namespace, whose only device goes down."""

import subprocess

from tests.support.network_loss import FREED_SECONDS

NEEDED = "This test makes a network of its own: `unshare -n` must work, as root, or with user namespaces allowed."


def test_resources_of_vanished_clients_are_freed_whether_idle_busy_or_paused(
    vanishing: subprocess.Popen[str] | None,
) -> None:
    assert vanishing, NEEDED

    output, _ = vanishing.communicate(timeout=4 * FREED_SECONDS)

    assert vanishing.returncode == 0, f"{NEEDED}\n{output}"
