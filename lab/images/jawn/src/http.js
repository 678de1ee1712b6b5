// Answers in the shape of the real service, and reading a body with its 10 MB limit.
"use strict";
const settings = require("./settings");

const LIMIT = 10 * 1024 * 1024;
const STAND_IN = { "X-Lab-Stand-In": "jawn" };

function sendJson(response, status, value) {
  const body = JSON.stringify(value);
  response.writeHead(status, { ...STAND_IN, "Content-Type": "application/json; charset=utf-8", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

function sendEmpty(response, status) {
  response.writeHead(status, { ...STAND_IN, "Content-Length": 0 });
  response.end();
}

function sendText(response, status, text, headers = {}) {
  response.writeHead(status, { ...STAND_IN, "Content-Type": "text/plain;charset=UTF-8", "Content-Length": Buffer.byteLength(text), ...headers });
  response.end(text);
}

/** Every error is a 500 with its stack, unless VERCEL_ENV is production. */
function sendError(response, error) {
  const open = settings.environment !== "production";
  const details = open ? error.message : "Internal Server Error";
  if (response.headersSent) return response.destroy();
  return sendJson(response, 500, { message: "Internal Server Error", details, ...(open && { stack: error.stack }) });
}

/** The body as {raw, json}; json is undefined for other content types. Rejects beyond 10 MB or on bad JSON. */
function readBody(request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    let size = 0;
    request.on("data", (part) => {
      size += part.length;
      if (size <= LIMIT) parts.push(part);
    });
    request.on("error", reject);
    request.on("end", () => {
      if (size > LIMIT) return reject(new Error("request entity too large"));
      const raw = Buffer.concat(parts);
      if (!/^application\/json\b/i.test(request.headers["content-type"] || "") || raw.length === 0) return resolve({ raw });
      try {
        return resolve({ raw, json: JSON.parse(raw.toString()) });
      } catch (error) {
        return reject(error);
      }
    });
  });
}

module.exports = { sendJson, sendEmpty, sendText, sendError, readBody, STAND_IN };
