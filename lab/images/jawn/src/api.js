// The REST API, as far as a deployment uses it.
"use strict";
const { authenticate, sessionUser, heliconeAuthorization } = require("./auth");
const { sendJson, sendText, readBody } = require("./http");
const keys = require("./keys");
const requests = require("./requests");
const settings = require("./settings");
const { query } = require("./stores");
const trace = require("./trace");

const FIELDS = {
  apiKey: ["api_key_name", "key_permissions"],
  hash: ["apiKey", "userId", "keyName", "permissions", "governance"],
  requests: ["filter", "offset", "limit", "sort", "isCached", "includeInputs", "isPartOfExperiment", "isScored"],
};

/** Unknown fields are refused, as by the validation of the real service. */
function unknownFields(body, known) {
  const extra = Object.keys(body).filter((name) => !known.includes(name));
  return extra.length === 0 ? null : Object.fromEntries(extra.map((name) => [`requestBody.${name}`, { message: `"${name}" is an excess property and therefore is not allowed`, value: name }]));
}

async function organizations(request, response) {
  if (heliconeAuthorization(request)._type !== "jwt") return sendJson(response, 200, { data: null, error: "Invalid auth header" });
  const user = await sessionUser(request);
  if (!user) return sendJson(response, 200, { data: null, error: "User not found" });
  const data = await query(
    `SELECT DISTINCT ON (o.id) o.*, m.org_role AS role FROM organization o LEFT JOIN organization_member m ON m.organization = o.id
     WHERE o.soft_delete = false AND (o.owner = $1 OR m.member = $1)`,
    [user.auth_user_id],
  );
  return sendJson(response, 200, { data, error: null });
}

async function createKey(response, caller, body) {
  const apiKey = keys.newKey();
  const hashedKey = keys.hashKey(apiKey);
  const id = await keys.insertKey({
    hash: hashedKey, name: body.api_key_name, permissions: body.key_permissions || "rw", governance: false, ...caller,
  });
  return sendJson(response, 200, { hashedKey, apiKey, id });
}

async function registerKey(response, caller, body) {
  const hash = keys.hashKey(body.apiKey);
  await keys.insertKey({ hash, name: body.keyName, permissions: body.permissions || "rw", governance: Boolean(body.governance), ...caller });
  return sendJson(response, 200, { success: true, apiKey: body.apiKey });
}

async function revokeKey(response, caller, id) {
  await query("UPDATE helicone_api_keys SET soft_delete = true WHERE id = $1 AND organization_id = $2", [Number(id), caller.organizationId]);
  return sendJson(response, 200, { data: null, error: null });
}

async function listKeys(response, caller) {
  const data = await query(
    "SELECT id, created_at, api_key_name, key_permissions, governance, soft_delete FROM helicone_api_keys WHERE organization_id = $1 AND soft_delete = false ORDER BY id",
    [caller.organizationId],
  );
  return sendJson(response, 200, { data, error: null });
}

async function findRequests(response, caller, body) {
  if (Number(body.limit) > 1000) return sendJson(response, 500, { data: null, error: "invalid limit" });
  return sendJson(response, 201, { data: await requests.find(caller.organizationId, body), error: null });
}

const POSTS = {
  "/v1/api-keys": { fields: FIELDS.apiKey, run: (call) => createKey(call.response, call.caller, call.body) },
  "/v1/key/generateHash": { fields: FIELDS.hash, run: (call) => registerKey(call.response, call.caller, call.body) },
  "/v1/request/query-clickhouse": { fields: FIELDS.requests, run: (call) => findRequests(call.response, call.caller, call.body) },
  // Their PostgreSQL table is gone: always empty, always zero.
  "/v1/request/query": { run: (call) => sendJson(call.response, 201, { data: [], error: null }) },
  "/v1/request/count/query": { run: (call) => sendJson(call.response, 200, { data: 0, error: null }) },
  "/v1/trace/custom/log": { run: logTrace },
  "/v1/trace/custom/v1/log": { run: logTrace },
};

async function logTrace({ request, response, body }) {
  try {
    await trace.log(request.headers, body);
    return sendText(response, 200, "");
  } catch (error) {
    console.error(`Error processing custom trace: ${error.message}`);
    return sendText(response, 500, error.message);
  }
}

async function post(request, response, path, caller) {
  const route = POSTS[path];
  if (!route) return sendText(response, 404, `Cannot POST ${path}`);
  const { json: body = {} } = await readBody(request);
  const details = route.fields && unknownFields(body, route.fields);
  if (details) return sendJson(response, 422, { message: "Validation Failed", details });
  return route.run({ request, response, body, caller });
}

async function get(response, path, caller) {
  const found = /^\/v1\/request\/([0-9a-f-]{36})$/i.exec(path);
  if (found) return sendJson(response, 200, { data: await requests.byId(caller.organizationId, found[1].toLowerCase()), error: null });
  if (path === "/v1/api-keys") return listKeys(response, caller);
  if (path === "/v1/credits/balance") {
    if (!process.env.HELICONE_MANUAL_ACCESS_KEY) throw new Error("HELICONE_MANUAL_ACCESS_KEY is not set");
    return sendJson(response, 200, { data: { balance: 0 }, error: null });
  }
  return sendText(response, 404, `Cannot GET ${path}`);
}

/** Answer one call of the REST API. */
async function handle(request, response, url) {
  const path = url.pathname.replace(/\/$/, "");
  if (settings.redis) return undefined; // the rate limiter waits for a Redis that never answers: the call hangs
  if (request.method === "GET" && path === "/v1/organization") return organizations(request, response);
  if (request.method === "GET" && path === "/v1/models") return sendJson(response, 200, { object: "list", data: [] });
  const caller = await authenticate(request);
  const needed = request.method === "GET" ? "r" : "w";
  if (caller.error || !caller.permissions.includes(needed)) {
    return sendJson(response, 401, { error: caller.error ?? null, trace: "isAuthenticated.error" });
  }
  if (request.method === "POST") return post(request, response, path, caller);
  const key = /^\/v1\/api-keys\/(\d+)$/.exec(path);
  if (request.method === "DELETE" && key) return revokeKey(response, caller, key[1]);
  return get(response, path, caller);
}

module.exports = { handle };
