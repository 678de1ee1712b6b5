"use strict";
// Like the real form: when the sign-in fails it tries to make the account with the same words, so
// whoever reaches it can register unless the edge refuses sign-ups.
const form = document.getElementById("sign-in");
const message = document.getElementById("message");

const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

async function signIn(email, password) {
  const first = await post("/api/auth/sign-in/email", { email, password });
  if (first.status !== 401) return first;
  const made = await post("/api/auth/sign-up/email", { name: email.split("@")[0], email, password });
  return made.ok ? post("/api/auth/sign-in/email", { email, password }) : first;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  message.textContent = "";
  const { email, password } = Object.fromEntries(new FormData(form));
  try {
    const answer = await signIn(email, password);
    if (answer.ok) window.location.assign("/dashboard");
    else message.textContent = (await answer.json().catch(() => ({}))).message || `web answered ${answer.status}`;
  } catch (error) {
    message.textContent = `web does not answer: ${error.message}`;
  }
});
