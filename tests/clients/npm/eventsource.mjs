import { EventSource } from "eventsource";

const stream = new EventSource(process.argv[2]);
for (const type of ["message", "gap", "refused", "checkpoint"]) {
  stream.addEventListener(type, (event) => console.log(type, JSON.parse(event.data)));
}
stream.onerror = (event) => console.error(event.message ?? "reconnecting");
// While the library waits to reconnect, nothing else keeps Node.js running.
setInterval(() => {}, 60_000);
