// Recording a call after the fact: what it was, its times and its properties come from the caller.
"use strict";
const crypto = require("node:crypto");
const { write } = require("./record");

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const lower = (headers) => Object.fromEntries(Object.entries(headers || {}).map(([name, value]) => [name.toLowerCase(), String(value)]));
const milliseconds = (time) => Math.round(Number(time?.seconds ?? 0) * 1000 + Number(time?.milliseconds ?? 0));

/** Text of a body: a stream's answer may be given as the text it was. */
const text = (value) => (typeof value === "string" ? value : JSON.stringify(value ?? {}));

function providerOf(address) {
  return /anthropic/.test(address) ? "ANTHROPIC" : "OPENAI";
}

/**
 * Record the described call under its own id and times. A record that fails is lost and only logged,
 * as behind the gateway: the caller learns about it by reading the request back.
 */
async function logTrace(headers, { providerRequest = {}, providerResponse = {}, timing = {} }) {
  const given = { ...lower(providerRequest.meta), ...lower(headers) };
  const answerHeaders = lower(providerResponse.headers);
  const wanted = given["helicone-request-id"] || "";
  const call = {
    id: UUID.test(wanted) ? wanted.toLowerCase() : crypto.randomUUID(),
    provider: providerOf(providerRequest.url || ""),
    target: providerRequest.url || "",
    key: headers.authorization,
    headers: given,
    body: text(providerRequest.json),
    started: milliseconds(timing.startTime),
    ended: milliseconds(timing.endTime),
    firstToken: timing.timeToFirstToken ?? null,
    status: Number(providerResponse.status ?? 200),
    streamed: /text\/event-stream/.test(answerHeaders["content-type"] || ""),
    answer: text(providerResponse.json ?? providerResponse.textBody),
  };
  await write(call).catch((error) => console.error(`Reproducing error for request ${call.id}: ${error.message}`));
}

module.exports = { logTrace };
