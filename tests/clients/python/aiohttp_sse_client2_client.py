import asyncio
import json
import sys

import aiohttp
from aiohttp_sse_client2.client import EventSource


async def main() -> None:
    position: dict[str, str] = {}
    while True:
        try:
            timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
            async with EventSource(sys.argv[1], headers=position, timeout=timeout) as source:
                async for event in source:
                    print(event.type, json.loads(event.data), flush=True)
                    position = {"Last-Event-ID": event.last_event_id}
        except (aiohttp.ClientError, OSError) as error:  # It does not survive a stream that is cut.
            print(error, file=sys.stderr)
        await asyncio.sleep(2)


asyncio.run(main())
