// The entry of the worker that all tabs of a browser have in common. It ends with the last tab.

import { ReconnectingStream } from "./event-stream.js";
import { SharedStreams } from "./shared-streams.js";

const streams = new SharedStreams((on, base) => new ReconnectingStream(on, { base }));

self.onconnect = ({ ports }) => streams.add(ports[0]);
