// /api/auth/*, in better-auth's shapes.
"use strict";
const accounts = require("./accounts");
const { adoptOrigin, trustedOrigin, mayTry } = require("./guards");
const { sendJson, readJson, clientAddress } = require("./http");
const { cookieName, signedCookie, tokenFromCookies } = require("./better_auth");

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const [SHORTEST, LONGEST] = [8, 128];

function refuse(response, status, message) {
  const code = message.toUpperCase().replace(/[^A-Z]+/g, "_");
  return sendJson(response, status, { code, message });
}

function cookie(value, seconds) {
  const name = cookieName();
  const secure = name.startsWith("__Secure-") ? "; Secure" : "";
  return `${name}=${value}; Max-Age=${seconds}; Path=/; HttpOnly${secure}; SameSite=Lax`;
}

async function signUp(request, response) {
  const { name, email, password } = (await readJson(request)) || {};
  if ([name, email, password].some((value) => typeof value !== "string")) return refuse(response, 400, "Invalid body parameters");
  if (!EMAIL.test(email)) return refuse(response, 400, "Invalid email");
  if (password.length < SHORTEST) return refuse(response, 400, "Password too short");
  if (password.length > LONGEST) return refuse(response, 400, "Password too long");
  const user = await accounts.createUser(name, email.toLowerCase(), password);
  if (!user) return refuse(response, 422, "User already exists");
  return sendJson(response, 200, { token: null, user });
}

async function signIn(request, response) {
  const { email, password } = (await readJson(request)) || {};
  if (typeof email !== "string" || typeof password !== "string") return refuse(response, 400, "Invalid body parameters");
  if (!EMAIL.test(email)) return refuse(response, 400, "Invalid email");
  const user = await accounts.login(email.toLowerCase(), password);
  if (!user) return refuse(response, 401, "Invalid email or password");
  const token = await accounts.startSession(user.id, clientAddress(request), request.headers["user-agent"] || "");
  const seconds = accounts.SESSION_DAYS * 86400;
  return sendJson(response, 200, { redirect: false, token, user }, { "Set-Cookie": cookie(signedCookie(token), seconds) });
}

/** The session of a request's cookie, with user and organization, or null. */
async function currentSession(request) {
  const token = tokenFromCookies(request.headers.cookie);
  return token ? accounts.findSession(token) : null;
}

async function getSession(request, response) {
  const found = await currentSession(request);
  return sendJson(response, 200, found && { session: found.session, user: found.user });
}

async function signOut(request, response) {
  const token = tokenFromCookies(request.headers.cookie);
  if (token) await accounts.endSession(token);
  return sendJson(response, 200, { success: true }, { "Set-Cookie": cookie("", 0) });
}

const ok = async (_, response) => sendJson(response, 200, { ok: true }); // no database: it proves the process alone

const ROUTES = {
  "GET /api/auth/ok": ok,
  "GET /api/auth/get-session": getSession,
  "POST /api/auth/sign-up/email": signUp,
  "POST /api/auth/sign-in/email": signIn,
  "POST /api/auth/sign-out": signOut,
};

/** Answer a call of /api/auth. Rejects when PostgreSQL fails, which the caller answers with an empty 500. */
async function handle(request, response, path) {
  adoptOrigin(request);
  const limited = /^\/api\/auth\/sign-(?:in|up)\b/.test(path);
  if (limited && !mayTry(request)) {
    return sendJson(response, 429, { message: "Too many requests. Please try again later." }, { "X-Retry-After": "10" });
  }
  if (request.method === "POST" && !trustedOrigin(request)) return refuse(response, 403, "Invalid origin");
  const route = ROUTES[`${request.method} ${path}`];
  if (!route) return sendJson(response, 404, {});
  return route(request, response);
}

module.exports = { handle, currentSession };
