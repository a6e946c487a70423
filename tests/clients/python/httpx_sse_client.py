import json
import sys
import time

import httpx
from httpx_sse import connect_sse

position, wait = {}, 2.0
# A heartbeat comes every 12 to 18 seconds; the default read time-out is 5.
with httpx.Client(timeout=httpx.Timeout(5, read=60)) as client:
    while True:
        try:
            with connect_sse(client, "GET", sys.argv[1], headers=position) as source:
                for event in source.iter_sse():
                    print(event.event, json.loads(event.data), flush=True)
                    position, wait = {"Last-Event-ID": event.id}, event.retry / 1000 if event.retry else wait
        except httpx.TransportError as error:
            print(error, file=sys.stderr)
        time.sleep(wait)
