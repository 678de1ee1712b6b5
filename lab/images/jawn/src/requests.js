// Recorded requests, read back from ClickHouse in the shape of the real API.
"use strict";
const { condition } = require("./filters");
const { isUuid } = require("./identifier");
const { clickhouseRows } = require("./stores");

// What the body of a query may hold; anything else is refused.
const FIELDS = ["filter", "offset", "limit", "sort", "isCached", "includeInputs", "isPartOfExperiment", "isScored"];
const SORTS = {
  created_at: "request_created_at", request_created_at: "request_created_at", latency: "latency", cost: "cost", user_id: "user_id",
  total_tokens: "prompt_tokens + completion_tokens", prompt_tokens: "prompt_tokens", completion_tokens: "completion_tokens",
};

function order(sort) {
  const [name, direction] = Object.entries(sort || {})[0] || ["created_at", "desc"];
  return `${SORTS[name] || "request_created_at"} ${direction === "asc" ? "ASC" : "DESC"}`;
}

async function select(organization, where, parameters, tail) {
  return clickhouseRows(
    `SELECT * FROM request_response_rmt FINAL WHERE organization_id = {organization:UUID} AND (${where}) ${tail}`,
    { ...parameters, organization },
  );
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const moment = (text) => (text ? `${text.replace(" ", "T")}Z` : null);
const number = (value) => (value === null ? null : Number(value));

function pathOf(address) {
  try {
    return new URL(address).pathname;
  } catch {
    return "";
  }
}

/** A row of the table under the API's names; numbers of 64 bits arrive as text. */
function shown(row, withBodies) {
  const [prompt, completion] = [number(row.prompt_tokens), number(row.completion_tokens)];
  return {
    request_id: row.request_id,
    request_created_at: moment(row.request_created_at),
    request_path: pathOf(row.target_url),
    request_user_id: row.user_id,
    request_properties: row.properties,
    request_model: row.model,
    request_body: withBodies ? parsed(row.request_body) : {},
    response_id: row.response_id,
    response_created_at: moment(row.response_created_at),
    response_status: Number(row.status),
    response_model: row.model,
    response_body: withBodies ? parsed(row.response_body) : {},
    model: row.model,
    model_override: null,
    provider: row.provider,
    target_url: row.target_url,
    delay_ms: number(row.latency),
    time_to_first_token: number(row.time_to_first_token),
    prompt_tokens: prompt,
    completion_tokens: completion,
    reasoning_tokens: number(row.reasoning_tokens),
    total_tokens: prompt + completion,
    prompt_id: row.prompt_id,
    cost: number(row.cost),
    costUSD: number(row.cost),
    storage_location: row.storage_location,
    scores: {},
    feedback_rating: null,
  };
}

/** The rows of a query. A ClickHouse that fails or is down gives none, and no error: so does the real one. */
async function list(organization, { filter, limit = 10, offset = 0, sort }) {
  const parameters = {};
  const where = condition(filter, parameters);
  const tail = `ORDER BY ${order(sort)} LIMIT ${parseInt(limit, 10) || 0} OFFSET ${parseInt(offset, 10) || 0}`;
  try {
    return (await select(organization, where, parameters, tail)).map((row) => shown(row, true));
  } catch (error) {
    console.error(`Error querying requests: ${error.message}`);
    return [];
  }
}

/** One request, or null when there is none (yet). */
async function byId(organization, id, withBody) {
  if (!isUuid(id)) return null;
  try {
    const rows = await select(organization, "request_id = {id:UUID}", { id }, "LIMIT 1");
    return rows[0] ? shown(rows[0], withBody) : null;
  } catch (error) {
    console.error(`Error reading request ${id}: ${error.message}`);
    return null;
  }
}

module.exports = { list, byId, FIELDS };
