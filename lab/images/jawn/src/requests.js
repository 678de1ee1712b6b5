// Reading records back from ClickHouse, in the shape of the real API.
"use strict";
const { condition } = require("./filters");
const { clickhouseRows } = require("./stores");
const s3 = require("./s3");
const settings = require("./settings");

const COLUMNS = `request_id, response_id, request_created_at, response_created_at, toInt32(status) AS response_status,
  user_id AS request_user_id, properties AS request_properties, properties, provider, toInt32(latency) AS delay_ms,
  model AS request_model, time_to_first_token, (prompt_tokens + completion_tokens + reasoning_tokens) AS total_tokens,
  prompt_tokens, completion_tokens, reasoning_tokens, prompt_cache_read_tokens, prompt_cache_write_tokens, country_code,
  scores, assets AS asset_ids, target_url, request_referrer, cache_enabled, cost / 1000000000 AS cost, prompt_id,
  prompt_version, updated_at, storage_location, size_bytes, request_body, response_body`;
const NUMBERS = ["prompt_tokens", "completion_tokens", "reasoning_tokens", "total_tokens", "time_to_first_token"];
const SORTABLE = { created_at: "request_created_at", latency: "latency", total_tokens: "total_tokens", request_model: "model" };

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

function shown(row, organization, endpoint) {
  for (const name of NUMBERS) if (row[name] !== null) row[name] = Number(row[name]);
  return {
    ...row,
    request_body: parsed(row.request_body),
    response_body: parsed(row.response_body),
    signed_body_url: s3.presign("GET", s3.objectKey(organization, row.request_id), endpoint),
  };
}

/** Rows that a filter finds; [] when ClickHouse does not answer, as the real service says nothing then. */
async function find(organization, { filter, limit = 10, offset = 0, sort = {} }) {
  const parameters = { organization };
  const where = condition(filter, parameters);
  const [[field, direction] = ["created_at", "desc"]] = Object.entries(sort);
  const order = `${SORTABLE[field] || "request_created_at"} ${direction === "asc" ? "ASC" : "DESC"}`;
  const statement = `SELECT ${COLUMNS} FROM request_response_rmt FINAL
    WHERE toString(organization_id) = {organization:String} AND (${where})
    ORDER BY ${order} LIMIT ${Number(limit)} OFFSET ${Number(offset)}`;
  try {
    const rows = await clickhouseRows(statement, parameters);
    return rows.map((row) => shown(row, organization, settings.s3.endpointPublic));
  } catch (error) {
    console.error(`Error executing ClickHouse query: ${error.message}`);
    return [];
  }
}

/** One row of the last 90 days, or null. Its address of the bodies uses the inner endpoint, which browsers cannot reach. */
async function byId(organization, id) {
  const parameters = { organization, id };
  const statement = `SELECT ${COLUMNS} FROM request_response_rmt FINAL
    WHERE toString(organization_id) = {organization:String} AND toString(request_id) = {id:String}
    AND request_created_at > now() - INTERVAL 90 DAY LIMIT 1`;
  const rows = await clickhouseRows(statement, parameters).catch(() => []);
  return rows[0] ? shown(rows[0], organization, settings.s3.endpoint) : null;
}

module.exports = { find, byId };
