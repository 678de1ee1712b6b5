// The few pages: they say what they are, and work well enough to sign in and look at records.
"use strict";

const escape = (text) => String(text ?? "").replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

function page(title, body, script) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · STAND-IN</title>
<link rel="stylesheet" href="/lab.css">
<script src="/__ENV.js"></script>
</head>
<body>
<p class="stand-in">STAND-IN for helicone/web (lab only): this is not Helicone.</p>
<main>
${body}
</main>
${script ? `<script src="${script}"></script>` : ""}
</body>
</html>
`;
}

const signIn = () =>
  page(
    "Sign in",
    `<h1>Sign in</h1>
<form id="sign-in">
<label>Email <input name="email" type="email" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
<p id="message" role="alert"></p>
</form>`,
    "/signin.js",
  );

const noSignUp = () => page("Sign up", "<h1>Sign ups are disabled</h1>\n<p><a href=\"/signin\">Sign in</a></p>");

/** The page behind the sign-in; the requests in its table come from jawn, asked by the browser. */
function dashboard({ user, organization, organizationId, tier }) {
  return page(
    "Dashboard",
    `<h1>${escape(organization)}</h1>
<p>Signed in as <b id="email">${escape(user.email)}</b>, tier ${escape(tier)}. <button id="sign-out">Sign out</button></p>
<table id="requests" data-organization="${escape(organizationId)}">
<thead><tr><th>Time</th><th>Status</th><th>Model</th><th>Provider</th><th>Tokens</th><th>Latency</th><th>Id</th></tr></thead>
<tbody></tbody>
</table>
<p id="message" role="status">Asking jawn ...</p>`,
    "/dashboard.js",
  );
}

module.exports = { signIn, noSignUp, dashboard };
