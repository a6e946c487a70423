import json
import sys
import time

import requests
from requests_sse import EventSource

last_id = None
while True:
    try:
        # It doubles each wait, and gives up when the hub cannot be reached five times.
        with EventSource(sys.argv[1], latest_event_id=last_id, timeout=60) as source:
            for event in source:
                print(event.type, json.loads(event.data), flush=True)
                last_id = event.last_event_id
    except requests.RequestException as error:
        print(error, file=sys.stderr)
    time.sleep(2)
