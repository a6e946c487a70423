"use strict";
/* better-sse with ioredis: one better-sse channel for each Redis channel. */
const http = require("node:http");
const { createChannel, createSession } = require("better-sse");
const { Redis } = require("ioredis");

const channels = new Map();

function channelOf(name) {
    if (!channels.has(name)) {
        channels.set(name, createChannel());
    }
    return channels.get(name);
}

const redis = new Redis(Number(process.env.REDIS_PORT));
redis.psubscribe("*");
redis.on("pmessage", (pattern, name, line) => {
    const channel = channels.get(name);
    if (channel) {
        channel.broadcast(line, "message");
    }
});

const server = http.createServer(async (request, response) => {
    const name = new URL(request.url, "http://localhost").searchParams.get("channel");
    // Lines are already JSON: serializing them again would make them strings.
    const session = await createSession(request, response, { serializer: (line) => line });
    channelOf(name).register(session);
});
server.listen({ port: Number(process.env.PORT), host: "127.0.0.1", backlog: 4096 });
