import json
import sys

from ld_eventsource import SSEClient
from ld_eventsource.config import ConnectStrategy, ErrorStrategy

connect = ConnectStrategy.http(sys.argv[1], urllib3_request_options={"timeout": 60})
# By default it raises an error when the stream ends.
client = SSEClient(connect, initial_retry_delay=2, error_strategy=ErrorStrategy.always_continue())
for event in client.events:
    print(event.event, json.loads(event.data), flush=True)
