// STAND-IN for helicone/web (lab only). The entry: writes the browser's settings, then serves.
"use strict";
console.log("STAND-IN for helicone/web (lab only)");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const auth = require("./auth");
const pages = require("./pages");
const settings = require("./settings");
const { send, sendJson, sendHtml, redirect } = require("./http");

const PUBLIC = path.join(__dirname, "..", "public");
const TYPES = { ".js": "application/javascript; charset=utf-8", ".css": "text/css; charset=utf-8" };
const CLOUD = "https://us.helicone.ai/signin";
// Host names that the real sign-in page leaves alone; the two letters match almost anywhere, and do so there.
const LEFT_ALONE = /localhost|vercel|us|eu/;

// Into the image's own folder, as the real one does: a read-only root file system ends the process here.
fs.writeFileSync(path.join(PUBLIC, "__ENV.js"), `window['__ENV'] = ${JSON.stringify(settings.publicVariables)};\n`);

async function dashboard(request, response) {
  const session = await auth.currentSession(request);
  return session ? sendHtml(response, 200, pages.dashboard(session)) : redirect(response, 307, "/signin");
}

function signIn(request, response) {
  const stays = settings.selfHosted || LEFT_ALONE.test((request.headers.host || "").toLowerCase());
  return stays ? sendHtml(response, 200, pages.signIn()) : redirect(response, 308, CLOUD);
}

const PAGES = {
  "/": (_, response) => redirect(response, 307, "/signin"),
  "/signin": signIn,
  "/signup": (_, response) => sendHtml(response, 200, pages.noSignUp()),
  "/dashboard": dashboard,
};

function file(response, name) {
  const type = TYPES[path.extname(name)];
  const content = type && fs.readdirSync(PUBLIC).includes(name) ? fs.readFileSync(path.join(PUBLIC, name), "utf8") : null;
  return content === null ? sendHtml(response, 404, "404 (STAND-IN)\n") : send(response, 200, type, content);
}

async function answer(request, response) {
  const { pathname } = new URL(request.url, "http://web");
  if (pathname.startsWith("/api/auth/")) return auth.handle(request, response, pathname);
  if (pathname === "/api" || pathname.startsWith("/api/")) return sendJson(response, 404, { error: "Not found" });
  if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "text/plain", "Method Not Allowed");
  return PAGES[pathname] ? PAGES[pathname](request, response) : file(response, pathname.slice(1));
}

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(`${request.method} ${request.url.split("?")[0]}: ${error.message}`);
    if (response.headersSent) response.destroy();
    else send(response, 500, "application/json", "");
  });
});
server.listen(settings.port, () => console.log(`web listens on ${settings.port}`));

function stop() {
  server.close(() => process.exit(0));
  setTimeout(() => process.exit(0), 3000);
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
