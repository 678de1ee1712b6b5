// Recording a call after the fact: what it was, its times and its properties come from the caller.
"use strict";
const { writeNow } = require("./record");
const { requestId } = require("./identifier");

/** Headers as the real service reads them: names in lower case; throws for a character beyond Latin-1. */
const read = (headers) => Object.fromEntries(new Headers(headers || {}));

/** A moment in milliseconds: {seconds, milliseconds}, digits (seconds or milliseconds), or a date as text. */
function moment(time) {
  if (typeof time !== "string") return Math.round(time.seconds * 1000 + time.milliseconds);
  if (!/^\d+$/.test(time)) return new Date(time).getTime();
  const number = parseInt(time, 10);
  return number < 4102444800 ? number * 1000 : number;
}

/**
 * Record the described call under its own id and times. Nothing but the named fields is kept: as in the real
 * service the target's address is always empty, and the provider is the body's `provider`, or OPENAI. A record
 * that a store refuses is lost and only logged; a body of another shape rejects, which is a 500.
 */
async function logTrace(headers, { providerRequest, providerResponse, timing, provider }, organization) {
  const given = { ...read(providerRequest.meta), ...read(headers) };
  const [started, ended] = timing ? [moment(timing.startTime), moment(timing.endTime)] : [Date.now(), Date.now()];
  const id = requestId(given["helicone-request-id"]);
  await writeNow({
    id,
    responseId: id,
    organization,
    provider: provider ?? "OPENAI",
    target: "",
    key: headers.authorization,
    headers: given,
    user: given["helicone-user-id"] || "",
    body: JSON.stringify(providerRequest.json) ?? "",
    started,
    ended,
    firstToken: timing?.timeToFirstToken,
    status: providerResponse.status,
    answer: (providerResponse.textBody || JSON.stringify(providerResponse.json)) ?? "",
  });
}

module.exports = { logTrace };
