"""
The output of the containers of an engine (Docker or Podman), published exactly once, as channels.

    engine ── list, events ──► ContainerFollower, one each ── log since its position ──► messages --> SourceBatch --> …
                               Positions: how far each has been read ◄──────── acknowledged ── BatchSender ◄──┘

The source is the engine's own log of a container, with the time of each message; a position is a time and a count.
"""

from sse_hub.commands.docker.run import DockerPlan, ship_containers

__all__ = ["DockerPlan", "ship_containers"]
