// Writing a finished call down: bodies to the object store, then a row to ClickHouse. Whatever goes
// wrong here, the client has had its answer; the record is dropped and only this log tells.
"use strict";
const crypto = require("node:crypto");
const settings = require("./settings");
const s3 = require("./s3");
const { findKey } = require("./keys");
const { parseAnswer, tokens } = require("./merge");
const { costOf } = require("./prices");
const { insertRow } = require("./stores");

const CACHE_KEY = /^(?:[0-9a-f]{32}|[0-9a-f]{48}|[0-9a-f]{64})$/i;
const NAMED = { "helicone-prompt-id": "Helicone-Prompt-Id", "helicone-session-id": "Helicone-Session-Id", "helicone-session-name": "Helicone-Session-Name", "helicone-session-path": "Helicone-Session-Path" };
const pending = new Set();

/** Record a call in the background; `idle` waits for all of these. */
function record(call) {
  if (!settings.betterAuth) throw new Error("Supabase credentials are missing: NEXT_PUBLIC_BETTER_AUTH is not true");
  const work = writeNow(call).finally(() => pending.delete(work));
  pending.add(work);
}

/** Record a call and wait for it. A failure is only logged. */
const writeNow = (call) => write(call).catch((error) => console.error(`Reproducing error for request ${call.id}: ${error.message}`));

const idle = () => Promise.allSettled([...pending]);

async function write(call) {
  if (settings.redis) throw new Error("Redis: the TLS handshake failed");
  if (!settings.cacheKey) throw new Error("REQUEST_CACHE_KEY is not set");
  if (!CACHE_KEY.test(settings.cacheKey)) throw new Error("REQUEST_CACHE_KEY: Invalid key length");
  const organization = call.organization || (await organizationOf(call.key));
  const bodies = await storedBodies(call, organization);
  await insertRow(rowOf(call, organization, bodies));
}

async function organizationOf(given) {
  const key = await findKey(given);
  if (!key) throw new Error("API key not found");
  if (!key.key_permissions.includes("w")) throw new Error("API key has no write permission");
  return key.organization_id;
}

/**
 * What the store gives back of both bodies, which it gets whole, also where the caller wants one omitted.
 * A missing bucket is silent damage: empty bodies, no model.
 */
async function storedBodies(call, organization) {
  if (!settings.s3.endpoint || !settings.s3.bucket) throw new Error("S3 is not configured");
  try {
    await s3.putBodies(organization, call.id, { request: call.body, response: call.answer });
    return await s3.getBodies(organization, call.id);
  } catch (error) {
    if (!error.missingBucket) throw error;
    console.error(`Error storing the bodies of request ${call.id}: ${error.message}`);
    return { request: "{}", response: "" };
  }
}

function propertiesOf(headers) {
  const found = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith("helicone-property-") && name.length > 18) found[name.slice(18)] = value;
    else if (NAMED[name] && value) found[NAMED[name]] = value;
  }
  if (headers["helicone-posthog-key"]) found["Helicone-Sent-To-Posthog"] = "true";
  return found;
}

/** The request's model, the row's, and the answer as it is shown. Only an answer that is an object has a model. */
function modelsOf(call, request, answer) {
  const asked = request?.model || null;
  const told = answer?.model ?? answer?.body?.model ?? null;
  const shown = omits(call, "response") ? { model: typeof told === "string" ? told : "unknown" } : answer;
  if (typeof shown !== "object") return { asked, model: "unknown", shown };
  return { asked, model: call.headers["helicone-model-override"] || told || asked || "", shown };
}

const omits = (call, body) => call.headers[`helicone-omit-${body}`] === "true";

function rowOf(call, organization, bodies) {
  const request = parseAnswer(bodies.request, false);
  // Whether the answer was a stream is told by the request alone, and for a trace by what is shown of it.
  const streamed = call.streamed || (!omits(call, "request") && request?.stream === true);
  const answer = parseAnswer(bodies.response, streamed);
  const used = tokens(answer);
  const { asked, model, shown } = modelsOf(call, request, answer);
  const shownRequest = omits(call, "request") ? { model: asked } : request;
  return {
    request_id: call.id,
    response_id: call.responseId || crypto.randomUUID(),
    organization_id: organization,
    request_created_at: new Date(call.started).toISOString(),
    response_created_at: new Date(call.ended).toISOString(),
    latency: call.ended - call.started,
    time_to_first_token: Math.round(call.firstToken ?? 0),
    status: call.status,
    provider: call.provider,
    target_url: call.target,
    model,
    prompt_tokens: used.prompt,
    completion_tokens: used.completion,
    reasoning_tokens: used.reasoning,
    cost: costOf(call.provider, model, used),
    user_id: String(call.user),
    properties: propertiesOf(call.headers),
    prompt_id: "", // of the newer prompts, which only the worker knows
    request_body: JSON.stringify(shownRequest),
    response_body: JSON.stringify(shown),
    size_bytes: Buffer.byteLength(JSON.stringify({ b1: shownRequest, b2: shown })),
    storage_location: "clickhouse",
    request_referrer: "",
  };
}

module.exports = { record, writeNow, idle };
