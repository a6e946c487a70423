import { fetchEventSource } from "@microsoft/fetch-event-source";

await fetchEventSource(process.argv[2], {
  openWhenHidden: true,
  onmessage: ({ event, data }) => console.log(event, JSON.parse(data)),
  // Without this it takes the end of a stream, as when a hub stops, for the end of its work.
  onclose: () => { throw new Error("the stream has ended"); },
  onerror: (error) => console.error(error.message),
});
