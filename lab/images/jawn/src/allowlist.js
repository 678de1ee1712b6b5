// Which targets the gateway accepts. Like the real list, every pattern is tied to the start of the
// address but not to the end of the host: "https://api.groq.com.other.host" passes, and so does
// "https://api.groq.com@other.host". That is a defect of the real service, kept on purpose.
"use strict";

const HTTPS_PREFIXES = [
  "api.anthropic.com", "api.llama.com", "integrate.api.nvidia.com", "oai.hconeai.com", "inference.helicone.ai",
  "api.endpoints.anyscale.com", "gateway.ai.cloudflare.com", "api.together.xyz", "api.lemonfox.ai",
  "api.fireworks.ai", "api.perplexity.ai", "openrouter.ai", "api.openrouter.ai", "api.groq.com", "api.cohere.ai",
  "api.mistral.ai", "api.deepinfra.com", "qstash.upstash.io", "api.firecrawl.dev", "api.deepseek.com", "api.x.ai",
  "api.avian.io", "api.tokenfactory.nebius.com", "ai-gateway.vercel.sh", "api.novita.ai", "api.openpipe.ai",
  "chutes.com", "llm.chutes.com", "api.cerebras.ai", "inference.canopywave.io",
];
const OPENAI = /^https:\/\/(?:us\.)?api\.openai\.com(?:\/|$)/;
// Only the end is checked, and a slash may stand before it: "http://clickhouse:8123/x.openai.azure.com" passes.
const AZURE = /^(?:https?:\/\/)?(?:[^.]*\.)?(?:openai\.azure\.com|azure-api\.net|(?:cognitiveservices|services\.ai)\.azure\.com)(?:\/.*)?$/;
const GOOGLE = /^https:\/\/(?:.*\.)?googleapis\.com/;
const BEDROCK = /^https:\/\/bedrock-runtime\.[a-z0-9-]+\.amazonaws\.com\/.*/;
const LOCAL = /^http:\/\/127\.0\.0\.1:\d+\/v\d+\/?$/;

function isAllowed(target) {
  return (
    HTTPS_PREFIXES.some((host) => target.startsWith(`https://${host}`)) ||
    [OPENAI, AZURE, GOOGLE, BEDROCK, LOCAL].some((pattern) => pattern.test(target))
  );
}

module.exports = { isAllowed };
