// Who asks the REST API: a session of web (cookie), or a Helicone key.
"use strict";
const { tokenFromCookies } = require("./better_auth");
const { findKey, MalformedKey } = require("./keys");
const { query, sessionQuery } = require("./stores");

/** The signed-in user of the request's cookie, or null. The sessions are web's own, in PostgreSQL. */
async function sessionUser(request) {
  const token = tokenFromCookies(request.headers.cookie);
  if (!token) return null;
  const rows = await sessionQuery(
    `SELECT u.id, u.email, u.auth_user_id FROM "session" s JOIN "user" u ON u.id = s."userId"
     WHERE s.token = $1 AND s."expiresAt" > now() AT TIME ZONE 'utc'`,
    [token],
  );
  return rows[0] || null;
}

/** The helicone-authorization header as an object; an empty one when it is missing or no JSON. */
function heliconeAuthorization(request) {
  try {
    return JSON.parse(request.headers["helicone-authorization"] || "{}");
  } catch {
    return {};
  }
}

async function withSession(request, organizationId) {
  const user = await sessionUser(request);
  if (!user) return { error: "Unauthorized" };
  const rows = await query(
    `SELECT o.id FROM organization o LEFT JOIN organization_member m ON m.organization = o.id
     WHERE o.id::text = $1 AND o.soft_delete = false AND (o.owner = $2 OR m.member = $2) LIMIT 1`,
    [organizationId || "", user.auth_user_id],
  );
  if (!rows[0]) return { error: "No organization ID found" };
  return { userId: user.auth_user_id, organizationId: rows[0].id, permissions: "rw" };
}

/** {userId, organizationId, permissions} of the caller, or {error}. */
async function authenticate(request) {
  const header = heliconeAuthorization(request);
  if (header._type === "jwt") return withSession(request, header.orgId);
  const given = request.headers.authorization || (header._type === "bearer" ? header.token : "");
  if (!given) return { error: "No API key found" };
  try {
    const key = await findKey(given);
    if (!key) return { error: "No API key found" };
    return { userId: key.user_id, organizationId: key.organization_id, permissions: key.key_permissions };
  } catch (error) {
    // A database that is down is a 401 as well, and only the text tells it apart: the driver's, as JSON.
    return { error: error instanceof MalformedKey ? error.message : JSON.stringify(error.message) };
  }
}

module.exports = { authenticate, sessionUser, heliconeAuthorization };
