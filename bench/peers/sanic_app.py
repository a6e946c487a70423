"""A textbook Sanic handler: one Redis reader, one queue per client, one send() per line."""

import asyncio
import os
from collections import defaultdict
from typing import Any

from redis.asyncio import Redis
from sanic import Request, Sanic

app: Sanic[Any, Any] = Sanic("textbook")
app.config.RESPONSE_TIMEOUT = 3600
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


@app.get("/message")
async def message(request: Request) -> None:
    channel = request.args.get("channel")
    queue: asyncio.Queue[str] = asyncio.Queue()
    queues[channel].add(queue)
    try:
        response = await request.respond(content_type="text/event-stream")
        await response.send(": hello\n\n")
        while True:
            await response.send(f"event: message\ndata: {await queue.get()}\n\n")
    finally:
        queues[channel].discard(queue)


app.add_task(read_redis())

if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]), single_process=True, access_log=False, motd=False, backlog=4096)
