"""
The containers of an engine (Docker or Podman): what they print, published once, as channels.

    engine ── list, events ──► Follower, one a container ── logs since its position ──► messages --> Batch --> Sender
                               Positions: how far each has come ◄──────────────── acknowledged ──┘

The engine's own log of a container is what is read, with the time of each message; a position is a time and a count.
"""

from sse_hub.commands.docker.run import DockerPlan, follow

__all__ = ["DockerPlan", "follow"]
