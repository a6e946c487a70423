import { EventSource } from "eventsource";
import ReconnectingEventSource from "reconnecting-eventsource";

// A browser needs no eventSourceClass.
const stream = new ReconnectingEventSource(process.argv[2], { eventSourceClass: EventSource });
for (const type of ["message", "gap", "refused", "checkpoint"]) {
  stream.addEventListener(type, (event) => console.log(type, JSON.parse(event.data)));
}
setInterval(() => {}, 60_000);
