// STAND-IN for helicone/jawn (lab only). Written from what is known of the real service's outside.
"use strict";
const http = require("node:http");
const settings = require("./settings");
const api = require("./api");
const gateway = require("./gateway");
const { sendJson, sendError } = require("./http");
const { idle } = require("./record");
const { startListener } = require("./stores");

console.log("STAND-IN for helicone/jawn (lab only)");

// Not awaited and without a handler: the process ends when PostgreSQL cannot be reached at start.
startListener();

function allowOrigin(request, response) {
  const origin = request.headers.origin;
  if (!origin) return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Credentials", "true");
  response.setHeader("Vary", "Origin");
}

async function route(request, response) {
  const url = new URL(request.url, "http://jawn");
  allowOrigin(request, response);
  if (request.method === "OPTIONS") {
    response.setHeader("Access-Control-Allow-Methods", "GET,POST,PUT,PATCH,DELETE,OPTIONS");
    response.setHeader("Access-Control-Allow-Headers", "Content-Type,Authorization,Helicone-Authorization");
    return response.writeHead(204).end();
  }
  if (request.method === "GET" && url.pathname === "/healthcheck") return sendJson(response, 200, { status: "healthy :)" });
  if (request.method === "POST" && url.pathname.startsWith("/v1/gateway/")) return gateway.handle(request, response, url);
  return api.handle(request, response, url);
}

const server = http.createServer((request, response) => {
  route(request, response).catch((error) => sendError(response, error));
});
server.setTimeout(600000);
server.on("upgrade", () => {
  // Unguarded in the real service too: any upgrade request ends the process.
  throw new Error("Error creating request wrapper");
});
server.listen(settings.port, "0.0.0.0", () => console.log(`Server is running on http://localhost:${settings.port}`));

/** Finish running calls and records, but always use the whole grace up and exit 1, as the real one is seen to. */
function stop(signal) {
  console.log(`Received ${signal}. Starting graceful shutdown...`);
  server.close(() => idle().then(() => console.log("HTTP server closed.")));
  setTimeout(() => {
    console.error("Could not close connections in time, forcefully shutting down");
    process.exit(1);
  }, settings.drainSeconds * 1000);
}
process.on("SIGTERM", () => stop("SIGTERM"));
process.on("SIGINT", () => stop("SIGINT"));
