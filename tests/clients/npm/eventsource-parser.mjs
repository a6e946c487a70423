import { EventSourceParserStream } from "eventsource-parser/stream";

let position = {}, wait = 2000;
const onRetry = (milliseconds) => (wait = milliseconds);
for (;;) {
  try {
    const { body } = await fetch(process.argv[2], { headers: position });
    const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream({ onRetry }));
    for await (const { event, id, data } of events) {
      console.log(event, JSON.parse(data));
      position = { "Last-Event-ID": id };
    }
  } catch (error) {
    console.error(error.message);
  }
  await new Promise((resolve) => setTimeout(resolve, wait));
}
