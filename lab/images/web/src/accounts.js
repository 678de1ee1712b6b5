// Users, passwords and sessions in PostgreSQL, in better-auth's tables. Times are UTC without a zone.
"use strict";
const crypto = require("node:crypto");
const { Pool } = require("pg");
const settings = require("./settings");
const { hashPassword, verifyPassword } = require("./better_auth");

const SESSION_DAYS = 7;
const NOW = "now() AT TIME ZONE 'utc'";
const COLUMNS = `id, name, email, "emailVerified", image, "createdAt", "updatedAt"`;
const pool = new Pool({
  connectionString: settings.databaseUrl, ssl: settings.databaseTls, max: 10, connectionTimeoutMillis: 5000,
});
pool.on("error", (error) => console.error(`Error in idle database client: ${error.message}`));

const identifier = (length = 32) => crypto.randomBytes(length).toString("base64url").slice(0, length);
const query = async (text, values) => (await pool.query(text, values)).rows;

/** Make a user with a password, or return null when the address is taken. Triggers make the organization. */
async function createUser(name, email, password) {
  const hash = await hashPassword(password);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rows } = await client.query(
      `INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
       VALUES ($1, $2, $3, false, ${NOW}, ${NOW}) ON CONFLICT (email) DO NOTHING RETURNING ${COLUMNS}`,
      [identifier(), name, email],
    );
    if (rows[0]) {
      await client.query(
        `INSERT INTO account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
         VALUES ($1, $2, 'credential', $2, $3, ${NOW}, ${NOW})`,
        [identifier(), rows[0].id, hash],
      );
    }
    await client.query("COMMIT");
    return rows[0] || null;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

/** The user with this address and password, or null. */
async function login(email, password) {
  const columns = COLUMNS.split(", ").map((name) => `u.${name}`).join(", ");
  const [user] = await query(
    `SELECT ${columns}, a.password FROM "user" u
     JOIN account a ON a."userId" = u.id AND a."providerId" = 'credential' WHERE u.email = $1`,
    [email],
  );
  // An unknown address takes as long as a wrong password.
  if (!user) await hashPassword(password);
  if (!user || !(await verifyPassword(password, user.password))) return null;
  const { password: _, ...shown } = user;
  return shown;
}

/** Start a session and return its token. */
async function startSession(userId, address, agent) {
  const token = identifier();
  await query(
    `INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent")
     VALUES ($1, $2, $3, ${NOW} + interval '${SESSION_DAYS} days', ${NOW}, ${NOW}, $4, $5)`,
    [identifier(), token, userId, address, agent],
  );
  return token;
}

/** The live session of a token and its user, with the organization's name, or null. */
async function findSession(token) {
  const [row] = await query(
    `SELECT to_json(s) AS session, to_json(u) AS "user", o.id AS "organizationId", o.name AS organization, o.tier
     FROM session s JOIN "user" u ON u.id = s."userId"
     LEFT JOIN organization o ON o.owner = u.auth_user_id AND o.soft_delete = false
     WHERE s.token = $1 AND s."expiresAt" > ${NOW} ORDER BY o.created_at LIMIT 1`,
    [token],
  );
  return row || null;
}

const endSession = (token) => query("DELETE FROM session WHERE token = $1", [token]);

module.exports = { SESSION_DAYS, createUser, login, startSession, findSession, endSession };
