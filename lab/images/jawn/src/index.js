// STAND-IN for helicone/jawn (lab only). The entry: starts listening, hands requests to the gateway
// or the REST API, and ends as the real service does.
"use strict";
console.log("STAND-IN for helicone/jawn (lab only)");
const http = require("node:http");
const settings = require("./settings");
const api = require("./api");
const gateway = require("./gateway");
const { sendJson, sendError, STAND_IN } = require("./http");
const { idle } = require("./record");
const { startListener } = require("./stores");

let stopping = false;

/** Any origin may call with credentials: outside of Helicone's cloud the real service restricts nothing. */
function allowOrigin(request, response) {
  const { origin } = request.headers;
  if (!origin) return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Credentials", "true");
  response.setHeader("Vary", "Origin");
}

function preflight(request, response) {
  response.writeHead(204, {
    ...STAND_IN,
    "Access-Control-Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
    "Access-Control-Allow-Headers": request.headers["access-control-request-headers"] || "*",
  });
  response.end();
}

async function answer(request, response) {
  const url = new URL(request.url, "http://jawn");
  // Connections of clients end with their answer while the service stops: it waits for all of them.
  if (stopping) response.shouldKeepAlive = false;
  allowOrigin(request, response);
  if (request.method === "OPTIONS") return preflight(request, response);
  if (request.method === "GET" && url.pathname === "/healthcheck") return sendJson(response, 200, { status: "healthy :)" });
  if (/^\/v1\/gateway\/[^/]/.test(url.pathname)) {
    // Only POST is routed to the gateway; anything else falls into the API, which asks for a key.
    if (request.method !== "POST") return api.refuse(response, "No API key found");
    return gateway.handle(request, response, url);
  }
  return api.handle(request, response, url);
}

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => sendError(response, error));
});
// Streams and slow models take longer than Node's default of five minutes.
server.requestTimeout = 0;
// Unguarded on purpose: in the real service an upgrade request throws where nobody catches it, and the process ends.
server.on("upgrade", () => {
  throw new Error("Cannot read properties of undefined (reading 'upgrade')");
});

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Stop accepting, finish running calls and their records, and end with 1 as the real service does. */
async function stop(signal) {
  if (stopping) return;
  stopping = true;
  console.log(`${signal} received: finishing running calls`);
  const closed = new Promise((resolve) => server.close(resolve));
  // A connection that gets idle after close() would otherwise stay until its keep-alive ends.
  setInterval(() => server.closeIdleConnections(), 100);
  await Promise.race([closed.then(idle), wait(settings.drainSeconds * 1000)]);
  console.log("jawn ends");
  process.exit(1);
}

process.on("SIGTERM", () => stop("SIGTERM"));
process.on("SIGINT", () => stop("SIGINT"));

// Neither awaited nor caught, as in the real service: without PostgreSQL the process ends.
startListener();
server.listen(settings.port, () => console.log(`Server is running on http://localhost:${settings.port}`));
