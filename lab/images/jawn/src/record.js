// Writing a finished call down: bodies to the object store, then a row to ClickHouse. Whatever goes
// wrong here, the client has had its answer; the record is dropped and only this log tells.
"use strict";
const settings = require("./settings");
const s3 = require("./s3");
const { findKey } = require("./keys");
const { parseAnswer, tokens } = require("./merge");
const { insertRow } = require("./stores");

const CACHE_KEY = /^(?:[0-9a-f]{32}|[0-9a-f]{48}|[0-9a-f]{64})$/i;
const SESSION = { "helicone-session-id": "Helicone-Session-Id", "helicone-session-name": "Helicone-Session-Name", "helicone-session-path": "Helicone-Session-Path" };
const pending = new Set();

/** Record a call in the background; `idle` waits for all of these. */
function record(call) {
  if (!settings.betterAuth) throw new Error("Supabase credentials are missing: NEXT_PUBLIC_BETTER_AUTH is not true");
  const work = write(call)
    .catch((error) => console.error(`Reproducing error for request ${call.id}: ${error.message}`))
    .finally(() => pending.delete(work));
  pending.add(work);
}

const idle = () => Promise.allSettled([...pending]);

/** Record a call and wait for it; throws where `record` only logs. */
async function write(call) {
  if (settings.redis) throw new Error("Redis: the TLS handshake failed");
  if (!settings.cacheKey) throw new Error("REQUEST_CACHE_KEY is not set");
  if (!CACHE_KEY.test(settings.cacheKey)) throw new Error("REQUEST_CACHE_KEY: Invalid key length");
  const key = await findKey(call.key);
  if (!key) throw new Error("API key not found");
  if (!key.key_permissions.includes("w")) throw new Error("API key has no write permission");

  const bodies = await storedBodies(call, key.organization_id);
  await insertRow(rowOf(call, key, bodies));
}

/** What the store gives back of both bodies. A missing bucket is silent damage: empty bodies, no model. */
async function storedBodies(call, organization) {
  const sent = {
    request: call.headers["helicone-omit-request"] === "true" ? "{}" : call.body,
    response: call.headers["helicone-omit-response"] === "true" ? "{}" : call.answer,
  };
  if (!settings.s3.endpoint || !settings.s3.bucket) throw new Error("S3 is not configured");
  try {
    await s3.putBodies(organization, call.id, sent);
    return { request: call.body, response: call.answer, shown: await s3.getBodies(organization, call.id) };
  } catch (error) {
    if (!error.missingBucket) throw error;
    console.error(`Error storing the bodies of request ${call.id}: ${error.message}`);
    return { request: "{}", response: "{}", shown: { request: "{}", response: "{}" } };
  }
}

function propertiesOf(headers) {
  const found = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith("helicone-property-")) found[name.slice(18)] = value;
    else if (SESSION[name]) found[SESSION[name]] = value;
  }
  return found;
}

function modelOf(call, request, answer) {
  return call.headers["helicone-model-override"] || answer?.model || request?.model || "";
}

function rowOf(call, key, bodies) {
  const request = parseAnswer(bodies.request, false);
  const answer = parseAnswer(bodies.response, call.streamed);
  const shownAnswer = parseAnswer(bodies.shown.response, call.streamed);
  const used = tokens(answer);
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  return {
    request_id: call.id,
    response_id: crypto.randomUUID(),
    organization_id: key.organization_id,
    request_created_at: new Date(call.started).toISOString(),
    response_created_at: new Date(call.ended).toISOString(),
    latency: call.ended - call.started,
    time_to_first_token: call.streamed ? call.firstToken : null,
    status: call.status,
    provider: call.provider,
    target_url: call.target,
    model: modelOf(call, request, answer),
    prompt_tokens: used.prompt,
    completion_tokens: used.completion,
    reasoning_tokens: used.reasoning,
    cost: 0, // no price is known for a target of this lab
    user_id: call.headers["helicone-user-id"] || "",
    properties: propertiesOf(call.headers),
    prompt_id: call.headers["helicone-prompt-id"] || "",
    request_body: bodies.shown.request,
    response_body: text(shownAnswer),
    size_bytes: Buffer.byteLength(bodies.request) + Buffer.byteLength(bodies.response),
    storage_location: "clickhouse",
    request_referrer: call.headers.referer || null,
  };
}

module.exports = { record, write, idle };
