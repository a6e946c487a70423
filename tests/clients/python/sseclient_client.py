import json
import sys
import time

import requests
from sseclient import SSEClient

last_id = None
while True:
    try:
        # It reconnects when a stream ends, but not if the hub cannot be reached then.
        for event in SSEClient(sys.argv[1], last_id=last_id, retry=2000, timeout=(5, 60)):
            if event.data:  # It makes an event without data of what a cut stream leaves behind.
                print(event.event, json.loads(event.data), flush=True)
                last_id = event.id
    except requests.RequestException as error:
        print(error, file=sys.stderr)
    time.sleep(2)
