"""The Redis rights of a hub, as a test gives them to an account."""

from sse_hub.broker.acl import LIVE_COMMANDS, LOG_COMMANDS

# What docs/operations.md says a hub needs, for channels that begin with "app.".
CHANNELS = "~sse-hub:* resetchannels &sse-hub:fence &sse-hub:probe:* &app.*"
LIVE_RIGHTS = f"{LIVE_COMMANDS} {CHANNELS}"
LOG_RIGHTS = LOG_COMMANDS
