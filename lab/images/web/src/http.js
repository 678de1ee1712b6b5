// Answers and bodies.
"use strict";

const STAND_IN = { "X-Lab-Stand-In": "web" };
const LIMIT = 1024 * 1024;

function send(response, status, type, text, headers = {}) {
  response.writeHead(status, { ...STAND_IN, "Content-Type": type, "Content-Length": Buffer.byteLength(text), ...headers });
  response.end(text);
}

const sendJson = (response, status, value, headers) => send(response, status, "application/json", JSON.stringify(value), headers);
const sendHtml = (response, status, text) => send(response, status, "text/html; charset=utf-8", text);
const redirect = (response, status, location) => send(response, status, "text/plain", location, { Location: location });

/** The JSON object of a body; null when it is none, or larger than a megabyte. */
async function readJson(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size <= LIMIT) parts.push(part);
  }
  try {
    const value = JSON.parse(Buffer.concat(parts).toString());
    return size <= LIMIT && value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** Next.js puts the peer's address into X-Forwarded-For when no proxy did, and better-auth reads its first entry. */
function clientAddress(request) {
  const forwarded = (request.headers["x-forwarded-for"] || "").split(",")[0].trim();
  return forwarded || request.socket.remoteAddress || "";
}

module.exports = { send, sendJson, sendHtml, redirect, readJson, clientAddress };
