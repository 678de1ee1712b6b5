// POST /v1/trace/custom/log: a call that happened elsewhere is recorded with its own times and id.
"use strict";
const { write } = require("./record");

const moment = (time) => (Number(time?.seconds) || 0) * 1000 + (Number(time?.milliseconds) || 0);

/** Write the trace down as if the gateway had carried the call. Throws when the real service does. */
async function log(headers, body) {
  if (!process.env.S3_REGION) throw new Error("Region is missing");
  const { providerRequest, providerResponse, timing } = body;
  const started = moment(timing?.startTime) || Date.now();
  const provider = /anthropic/i.test(providerRequest.url) ? "ANTHROPIC" : /openai/i.test(providerRequest.url) ? "OPENAI" : "CUSTOM";
  await write({
    id: headers["helicone-request-id"] || globalThis.crypto.randomUUID(),
    provider,
    target: providerRequest.url,
    key: headers.authorization,
    headers: { ...headers, ...providerRequest.meta },
    body: JSON.stringify(providerRequest.json),
    started,
    ended: moment(timing?.endTime) || started,
    firstToken: timing?.timeToFirstToken ?? null,
    status: providerResponse.status,
    streamed: typeof providerResponse.textBody === "string" && providerResponse.textBody.startsWith("data:"),
    answer: providerResponse.textBody ?? JSON.stringify(providerResponse.json),
  });
}

module.exports = { log };
