// POST /v1/gateway/<oai|anthropic>/...: forwards first, to whoever asks, and records afterwards.
"use strict";
const http = require("node:http");
const https = require("node:https");
const zlib = require("node:zlib");
const { isAllowed } = require("./allowlist");
const { sendJson, sendText, sendError, readBody, STAND_IN } = require("./http");
const { requestId } = require("./identifier");
const { record } = require("./record");

const ROUTES = {
  oai: { provider: "OPENAI", target: "https://api.openai.com" },
  anthropic: { provider: "ANTHROPIC", target: "https://api.anthropic.com" },
};
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection", "te", "trailer"]);
const DECODERS = { gzip: zlib.createGunzip, deflate: zlib.createInflate, br: zlib.createBrotliDecompress };
// HTTPS targets get a new connection for every request; plain ones are pooled.
const AGENTS = { "http:": new http.Agent({ keepAlive: true }), "https:": new https.Agent({ keepAlive: false }) };

/** Both keys: the comma form carries the Helicone key behind the provider's. */
function splitKeys(headers) {
  const [provider, helicone] = (headers.authorization || "").split(",").map((part) => part.trim());
  return { provider, helicone: headers["helicone-auth"] || helicone || provider };
}

function forwardedHeaders(headers, providerKey) {
  const kept = Object.entries(headers).filter(
    ([name]) => !name.startsWith("helicone-") && name !== "content-length" && name !== "host" && !HOP_BY_HOP.has(name),
  );
  return { ...Object.fromEntries(kept), ...(providerKey && { authorization: providerKey }) };
}

/** Carry out one gateway call; never throws for a provider's answer, whatever it is. */
async function handle(request, response, url) {
  const [, , , name, ...rest] = url.pathname.split("/");
  const route = ROUTES[name.toLowerCase()];
  if (rest.length === 0) return sendError(response, new Error("Not implemented"));
  const { raw, json } = await readBody(request);
  if (name.toLowerCase() === "gateway") return sendText(response, 501, "Not implemented");
  if (!route) return sendJson(response, 400, { message: "Invalid provider" });
  // Unguarded on purpose: a malformed header rejects outside of any handler, which ends the process.
  if (request.headers["helicone-fallbacks"]) setImmediate(() => JSON.parse(request.headers["helicone-fallbacks"]));

  const path = `/${rest.join("/")}`;
  const audio = name.toLowerCase() === "oai" && path.includes("audio");
  const given = request.headers["helicone-openai-api-base"] || request.headers["helicone-target-url"];
  const base = audio ? route.target : given || route.target;
  if (!isAllowed(base)) return sendText(response, 500, `Invalid API base "${base}"`);
  // Only the target's origin counts: a path in it is dropped.
  const target = new URL(`${new URL(base).origin}${path}${url.search}`);
  const keys = splitKeys(request.headers);
  const call = {
    id: requestId(request.headers["helicone-request-id"]),
    provider: route.provider,
    target: target.href,
    key: keys.helicone,
    headers: request.headers,
    user: request.headers["helicone-user-id"] || (json?.user ?? ""),
    streamed: json?.stream === true,
    body: json === undefined ? raw.toString() : JSON.stringify(json),
    started: Date.now(),
  };
  forward(call, request, response, target, keys.provider, audio ? () => {} : record);
}

function forward(call, request, response, target, providerKey, afterwards) {
  const client = target.protocol === "https:" ? https : http;
  const body = Buffer.from(call.body);
  const headers = { ...forwardedHeaders(request.headers, providerKey), "content-length": body.length };
  const outgoing = client.request(target, { method: "POST", headers, agent: AGENTS[target.protocol] });
  outgoing.on("error", (error) => {
    if (!call.answered) sendError(response, new Error(`request to ${target.href} failed, reason: ${error.message}`));
  });
  response.on("close", () => {
    if (!response.writableFinished) outgoing.destroy();
  });
  outgoing.on("response", (incoming) => {
    call.answered = true;
    relay(call, incoming, response, afterwards);
  });
  outgoing.end(body);
}

function relay(call, incoming, response, afterwards) {
  // A compressed answer is unpacked but keeps its Content-Length, so clients read too little of it:
  // the edge has to ask for `Accept-Encoding: identity`.
  const decoder = DECODERS[incoming.headers["content-encoding"]];
  const source = decoder ? incoming.pipe(decoder()) : incoming;
  const kept = Object.entries(incoming.headers).filter(([name]) => !HOP_BY_HOP.has(name) && !(decoder && name === "content-encoding"));
  response.writeHead(incoming.statusCode, {
    ...Object.fromEntries(kept),
    ...STAND_IN,
    "helicone-id": call.id,
    "helicone-status": "success",
  });
  response.flushHeaders();
  const parts = [];
  let firstPart = null;
  const finish = (status) => {
    if (call.finished) return;
    call.finished = true;
    afterwards({
      ...call,
      status,
      ended: Date.now(),
      firstToken: firstPart !== null && call.streamed ? firstPart - call.started : null,
      answer: Buffer.concat(parts).toString(),
    });
  };
  source.on("data", (part) => {
    firstPart ??= Date.now();
    parts.push(part);
    if (!response.write(part) && !response.destroyed) {
      source.pause();
      response.once("drain", () => source.resume());
    }
  });
  source.on("end", () => {
    response.end();
    finish(incoming.statusCode);
  });
  source.on("error", () => response.destroy());
  // A broken connection to the target does not reach the decoder by itself.
  if (decoder) incoming.on("error", () => response.destroy());
  response.on("close", () => finish(-3)); // the client left: Helicone's own status number for that
}

module.exports = { handle };
