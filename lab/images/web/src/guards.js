// What stands before sign-in and sign-up: the origin of the page, and how often a client may try.
"use strict";
const settings = require("./settings");
const { clientAddress } = require("./http");

const CALLS = 3;
const WINDOW = 10_000;
const tries = new Map();
let firstOrigin = null;

function originOf(address) {
  try {
    return new URL(address).origin;
  } catch {
    return null;
  }
}

/** Without BETTER_AUTH_URL the first request that is served decides the origin, for good: a health probe, mostly. */
function adoptOrigin(request) {
  firstOrigin ??= originOf(`http://${request.headers.host || `localhost:${settings.port}`}`);
}

/** Whether a request comes from a page of this site; without an Origin header it is no browser's. */
function trustedOrigin(request) {
  const given = request.headers.origin;
  if (given === undefined) return true;
  const own = settings.authUrl ? originOf(settings.authUrl) : firstOrigin;
  return given !== "null" && [own, originOf(settings.appUrl || "http://localhost:3008")].includes(given);
}

/** Count a try of the client; false when it had three within ten seconds. Every replica counts for itself. */
function mayTry(request) {
  const now = Date.now();
  const client = clientAddress(request);
  const recent = (tries.get(client) || []).filter((time) => now - time < WINDOW);
  if (recent.length < CALLS) recent.push(now);
  else return false;
  if (tries.size > 10_000) tries.clear();
  tries.set(client, recent);
  return true;
}

module.exports = { adoptOrigin, trustedOrigin, mayTry };
