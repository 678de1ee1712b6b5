// What better-auth's sessions look like from outside: cookie name, signature, password hash.
// Shared by the stand-ins for web and jawn, as the library is by the real ones.
"use strict";
const crypto = require("node:crypto");

const SECRET = process.env.BETTER_AUTH_SECRET || "a-public-constant-of-the-library";
const SCRYPT = { N: 16384, r: 16, p: 1, maxmem: 128 * 16384 * 16 * 2 };

/** The cookie's name: browsers accept the prefix over https only, so it follows BETTER_AUTH_URL. */
function cookieName() {
  const secure = (process.env.BETTER_AUTH_URL || "").startsWith("https://");
  return `${secure ? "__Secure-" : ""}better-auth.session_token`;
}

function signature(token) {
  return crypto.createHmac("sha256", SECRET).update(token).digest("base64");
}

/** The cookie's value for a session token. */
function signedCookie(token) {
  return encodeURIComponent(`${token}.${signature(token)}`);
}

/** The session token of a Cookie header, or null when there is none or its signature is wrong. */
function tokenFromCookies(header) {
  const name = cookieName();
  for (const part of (header || "").split(";")) {
    const at = part.indexOf("=");
    if (at < 0 || part.slice(0, at).trim() !== name) continue;
    const value = decodeURIComponent(part.slice(at + 1).trim());
    const dot = value.lastIndexOf(".");
    if (dot < 0) return null;
    const [token, given] = [value.slice(0, dot), Buffer.from(value.slice(dot + 1))];
    const expected = Buffer.from(signature(token));
    return given.length === expected.length && crypto.timingSafeEqual(given, expected) ? token : null;
  }
  return null;
}

function derive(password, salt) {
  return new Promise((resolve, reject) =>
    crypto.scrypt(password.normalize("NFKC"), salt, 64, SCRYPT, (error, key) => (error ? reject(error) : resolve(key))),
  );
}

/** `salt:key` in hexadecimal, with the salt's text (not its bytes) fed to scrypt. */
async function hashPassword(password) {
  const salt = crypto.randomBytes(16).toString("hex");
  return `${salt}:${(await derive(password, salt)).toString("hex")}`;
}

async function verifyPassword(password, stored) {
  const [salt, key] = (stored || "").split(":");
  if (!salt || !key) return false;
  const expected = Buffer.from(key, "hex");
  const given = await derive(password, salt);
  return given.length === expected.length && crypto.timingSafeEqual(given, expected);
}

module.exports = { cookieName, signedCookie, tokenFromCookies, hashPassword, verifyPassword };
