import { createEventSource } from "eventsource-client";

const stream = createEventSource(process.argv[2]);
for await (const { event, data } of stream) {
  console.log(event, JSON.parse(data));
}
