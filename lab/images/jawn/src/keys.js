// Helicone API keys: their form, their hash, and who they belong to.
"use strict";
const crypto = require("node:crypto");
const { query } = require("./stores");

const FORM = /^sk-helicone-(?:eu-)?\w{7}-\w{7}-\w{7}-\w{7}$/;
const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Lower-case hexadecimal SHA-256 of the words "Bearer " and the key, without salt. */
const hashKey = (key) => crypto.createHash("sha256").update(`Bearer ${key}`).digest("hex");

class MalformedKey extends Error {}

const bearer = (header) => (header || "").replace(/^Bearer\s+/i, "").trim();

function newKey() {
  const group = () => Array.from({ length: 7 }, () => LETTERS[crypto.randomInt(LETTERS.length)]).join("");
  const prefix = process.env.AWS_REGION === "eu-west-1" ? "sk-helicone-eu" : "sk-helicone";
  return `${prefix}-${group()}-${group()}-${group()}-${group()}`;
}

/** The key's row, or null when no live key has this hash. Throws for text that is no Helicone key. */
async function findKey(header) {
  const key = bearer(header);
  if (!FORM.test(key)) throw new MalformedKey("API Key is not well formed");
  const rows = await query(
    "SELECT id, user_id, organization_id, key_permissions FROM helicone_api_keys WHERE api_key_hash = $1 AND soft_delete = false",
    [hashKey(key)],
  );
  return rows[0] || null;
}

async function insertKey({ hash, name, permissions, governance, userId, organizationId }) {
  const rows = await query(
    `INSERT INTO helicone_api_keys (api_key_hash, user_id, api_key_name, organization_id, key_permissions, governance, temp_key)
     VALUES ($1, $2, $3, $4, $5, $6, false) RETURNING id`,
    [hash, userId, name, organizationId, permissions, governance],
  );
  return rows[0].id;
}

/** The live keys of an organization, as the real table has them. */
const listKeys = (organizationId) =>
  query(
    `SELECT * FROM helicone_api_keys WHERE soft_delete = false AND temp_key = false AND organization_id = $1
     AND api_key_name != 'auto-generated-experiment-key'`,
    [organizationId],
  );

/** Change one column of a key and return its hash, or undefined when the organization has no such key. */
async function changeKey(id, organizationId, column, value) {
  const rows = await query(
    `UPDATE helicone_api_keys SET ${column} = $1, updated_at = now() WHERE id = $2 AND organization_id = $3 RETURNING api_key_hash`,
    [value, id, organizationId],
  );
  return rows[0]?.api_key_hash;
}

const renameKey = (id, organizationId, name) => changeKey(id, organizationId, "api_key_name", name);

/** Revoke a key: its row stays, marked as deleted. */
const deleteKey = (id, organizationId) => changeKey(id, organizationId, "soft_delete", true);

module.exports = { MalformedKey, hashKey, newKey, findKey, insertKey, listKeys, renameKey, deleteKey };
