"use strict";
// Shows the latest requests as the real pages do: the browser asks jawn, with the session's cookie.
const table = document.getElementById("requests");
const message = document.getElementById("message");
const jawn = (window.__ENV || {}).NEXT_PUBLIC_HELICONE_JAWN_SERVICE || "http://localhost:8585";

function show(request) {
  const cells = [
    request.request_created_at, request.response_status, request.model, request.provider,
    `${request.prompt_tokens} + ${request.completion_tokens}`, `${request.delay_ms} ms`, request.request_id,
  ];
  const row = table.tBodies[0].insertRow();
  for (const text of cells) row.insertCell().textContent = text;
}

async function load() {
  const answer = await fetch(`${jawn}/v1/request/query-clickhouse`, {
    method: "POST",
    credentials: "include",
    headers: {
      "Content-Type": "application/json",
      "helicone-authorization": JSON.stringify({ _type: "jwt", token: "", orgId: table.dataset.organization }),
    },
    body: JSON.stringify({ filter: "all", offset: 0, limit: 25, sort: { created_at: "desc" } }),
  });
  if (!answer.ok) throw new Error(`jawn answered ${answer.status}`);
  const { data } = await answer.json();
  data.forEach(show);
  message.textContent = `${data.length} requests`;
}

load().catch((error) => {
  message.textContent = `Requests cannot be shown: ${error.message}`;
});
document.getElementById("sign-out").addEventListener("click", async () => {
  await fetch("/api/auth/sign-out", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  window.location.assign("/signin");
});
