"""sse-starlette with redis-py: one Redis reader, one queue per client."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from redis.asyncio import Redis
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

queues: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)


async def read_redis() -> None:
    """Put each line into the queues of all clients of its channel."""
    client = Redis(port=int(os.environ["REDIS_PORT"]), decode_responses=True)
    async with client.pubsub() as pubsub:
        await pubsub.psubscribe("*")
        async for message in pubsub.listen():
            if message["type"] == "pmessage":
                for queue in queues[message["channel"]]:
                    queue.put_nowait(message["data"])


async def lines(channel: str) -> AsyncIterator[ServerSentEvent]:
    queue: asyncio.Queue[str] = asyncio.Queue()
    queues[channel].add(queue)
    try:
        while True:
            yield ServerSentEvent(await queue.get(), event="message")
    finally:
        queues[channel].discard(queue)


async def message(request: Request) -> EventSourceResponse:
    return EventSourceResponse(lines(request.query_params["channel"]))


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    task = asyncio.create_task(read_redis())
    yield
    task.cancel()


app = Starlette(routes=[Route("/message", message)], lifespan=lifespan)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), access_log=False, log_level="warning", backlog=4096)
