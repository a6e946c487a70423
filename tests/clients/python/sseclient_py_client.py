import json
import sys
import time

import requests
from sseclient import SSEClient

position, wait = {}, 2.0
while True:
    try:
        with requests.get(sys.argv[1], headers=position, stream=True, timeout=(5, 60)) as response:
            for event in SSEClient(response).events():
                print(event.event, json.loads(event.data), flush=True)
                position, wait = {"Last-Event-ID": event.id}, int(event.retry) / 1000 if event.retry else wait
    except requests.RequestException as error:
        print(error, file=sys.stderr)
    time.sleep(wait)
