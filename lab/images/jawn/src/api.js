// The REST API, in the few calls that the project uses. Every call needs a key or a session, even
// one to a path that does not exist.
"use strict";
const settings = require("./settings");
const { authenticate, sessionUser } = require("./auth");
const { sendJson, sendEmpty, sendError, readBody } = require("./http");
const { hashKey, newKey, insertKey, listKeys, renameKey, deleteKey } = require("./keys");
const requests = require("./requests");
const { query } = require("./stores");
const { logTrace } = require("./trace");

const PERMISSIONS = ["rw", "r", "w", "g"];

const refuse = (response, error) => sendJson(response, 401, { error, trace: "isAuthenticated.error" });
const invalid = (response, details) => sendJson(response, 422, { message: "Validation Failed", details });

/** The names in a body that the real service's validation does not know: it refuses those. */
function extras(body, known) {
  const unknown = Object.keys(body).filter((name) => !known.includes(name));
  return Object.fromEntries(unknown.map((name) => [`requestBody.${name}`, { message: `"${name}" is an excess property and therefore is not allowed` }]));
}

async function createKey({ caller, body, response }) {
  const { api_key_name: name, key_permissions: permissions = "rw" } = body;
  if (typeof name !== "string") return invalid(response, { "requestBody.api_key_name": { message: "'api_key_name' is required" } });
  if (!PERMISSIONS.includes(permissions)) return invalid(response, { "requestBody.key_permissions": { message: "invalid value" } });
  const apiKey = newKey();
  const hashedKey = hashKey(apiKey);
  const id = await insertKey({
    hash: hashedKey, name, permissions, governance: false, userId: caller.userId, organizationId: caller.organizationId,
  });
  return sendJson(response, 200, { id: String(id), apiKey, hashedKey });
}

/** The UI's way: the browser makes the key. */
async function storeKey({ caller, body, response }) {
  const { apiKey, keyName, permissions = "rw", governance = false } = body;
  if (typeof apiKey !== "string" || typeof keyName !== "string") return invalid(response, { requestBody: { message: "'apiKey' and 'keyName' are required" } });
  const hash = hashKey(apiKey);
  await insertKey({ hash, name: keyName, permissions, governance, userId: caller.userId, organizationId: caller.organizationId });
  return sendJson(response, 200, { success: true, apiKey, hash });
}

const showKeys = async ({ caller, response }) => sendJson(response, 200, { data: await listKeys(caller.organizationId), error: null });

/** A handler that changes the key of the path by `change(id, organization, body)` and answers with its hash. */
function changesKey(change) {
  return async ({ caller, url, body, response }) => {
    const id = url.pathname.split("/")[3];
    if (!/^\d{1,18}$/.test(id)) return invalid(response, { apiKeyId: { message: "invalid float number" } });
    const hashedKey = await change(id, caller.organizationId, body);
    return hashedKey ? sendJson(response, 200, { hashedKey }) : sendJson(response, 500, { error: "API key not found" });
  };
}

/** The caller's organizations. Asked with orgId "none" first, so a session is enough. */
async function organizations({ request, response }) {
  const user = await sessionUser(request);
  const caller = user ? { userId: user.auth_user_id } : await authenticate(request);
  if (caller.error) return refuse(response, caller.error);
  const rows = await query(
    `SELECT DISTINCT o.id, o.name, o.owner, o.tier, o.is_personal, o.soft_delete, o.created_at
     FROM organization o LEFT JOIN organization_member m ON m.organization = o.id
     WHERE o.soft_delete = false AND (o.owner = $1 OR m.member = $1) ORDER BY o.created_at`,
    [caller.userId],
  );
  return sendJson(response, 200, { data: rows, error: null });
}

async function queryRequests({ caller, body, response }) {
  const details = extras(body, requests.FIELDS);
  if (Object.keys(details).length > 0) return invalid(response, details);
  return sendJson(response, 201, { data: await requests.list(caller.organizationId, body), error: null });
}

async function oneRequest({ caller, url, response }) {
  const id = decodeURIComponent(url.pathname.split("/")[3]);
  const found = await requests.byId(caller.organizationId, id, url.searchParams.get("includeBody") === "true");
  return sendJson(response, 200, { data: found, error: null });
}

async function trace({ request, caller, body, response }) {
  if (!process.env.S3_REGION) return sendError(response, new Error("Region is missing"));
  await logTrace(request.headers, body, caller.organizationId);
  return sendEmpty(response, 200);
}

// Their table in PostgreSQL is gone in the real service as well: always nothing.
const countNothing = ({ response }) => sendJson(response, 201, { data: 0, error: null });
const listNothing = ({ response }) => sendJson(response, 201, { data: [], error: null });

const ROUTES = [
  ["POST", /^\/v1\/api-keys\/?$/, createKey],
  ["GET", /^\/v1\/api-keys\/?$/, showKeys],
  ["DELETE", /^\/v1\/api-keys\/[^/]+\/?$/, changesKey(deleteKey)],
  ["PATCH", /^\/v1\/api-keys\/[^/]+\/?$/, changesKey((id, organization, body) => renameKey(id, organization, body.api_key_name))],
  ["POST", /^\/v1\/key\/generateHash\/?$/, storeKey],
  ["POST", /^\/v1\/request\/query-clickhouse\/?$/, queryRequests],
  ["POST", /^\/v1\/request\/count\/query\/?$/, countNothing],
  ["POST", /^\/v1\/request\/query\/?$/, listNothing],
  ["GET", /^\/v1\/request\/[^/]+\/?$/, oneRequest],
  ["POST", /^\/v1\/trace\/custom\/(?:v1\/)?log\/?$/, trace],
];

/** Answer a call of the API. Rejects for what the real service answers with a 500. */
async function handle(request, response, url) {
  // REDIS_HOST demands TLS of a Redis that has none: every call waits for that connection, for ever.
  if (settings.redis) return undefined;
  const { json } = await readBody(request);
  const body = json !== null && typeof json === "object" ? json : {};
  if (request.method === "GET" && /^\/v1\/organization\/?$/.test(url.pathname)) return organizations({ request, response });
  const caller = await authenticate(request);
  if (caller.error) return refuse(response, caller.error);
  // Reading calls that are sent as POST need the right to write as well.
  const right = ["POST", "PUT", "PATCH", "DELETE"].includes(request.method) ? "w" : "r";
  if (caller.permissions && !caller.permissions.includes(right)) return refuse(response, null);
  const route = ROUTES.find(([method, pattern]) => method === request.method && pattern.test(url.pathname));
  if (!route) return sendJson(response, 404, { message: "Not Found" });
  return route[2]({ request, response, url, body, caller });
}

module.exports = { handle, refuse };
