// One answer out of a stream of server-sent events, with its text, tools and usage put together.
"use strict";

/** The JSON objects of all `data:` lines; anything else is skipped. */
function events(text) {
  return text.split("\n").filter((line) => line.startsWith("data:")).flatMap((line) => {
    const data = line.slice(5).trim();
    if (!data || data === "[DONE]") return [];
    try {
      return [JSON.parse(data)];
    } catch {
      return [];
    }
  });
}

function mergeOpenAi(chunks) {
  const choices = [];
  for (const choice of chunks.flatMap((chunk) => chunk.choices || [])) {
    const merged = (choices[choice.index] ??= { index: choice.index, message: { role: "assistant", content: "" }, finish_reason: null });
    merged.finish_reason = choice.finish_reason || merged.finish_reason;
    merged.message.content += choice.delta?.content || choice.text || "";
    for (const part of choice.delta?.tool_calls || []) {
      const tools = (merged.message.tool_calls ??= []);
      const tool = (tools[part.index] ??= { id: part.id, type: "function", function: { name: "", arguments: "" } });
      tool.function.name += part.function?.name || "";
      tool.function.arguments += part.function?.arguments || "";
    }
  }
  const { choices: _, usage: __, ...head } = chunks[0];
  const usage = chunks.map((chunk) => chunk.usage).filter(Boolean).pop();
  return { ...head, object: "chat.completion", choices: choices.filter(Boolean), ...(usage && { usage }) };
}

function mergeAnthropic(chunks) {
  const message = { ...(chunks.find((chunk) => chunk.type === "message_start")?.message || {}) };
  const text = chunks.map((chunk) => chunk.delta?.text || "").join("");
  const last = chunks.filter((chunk) => chunk.type === "message_delta").pop();
  return { ...message, ...last?.delta, content: [{ type: "text", text }], usage: { ...message.usage, ...last?.usage } };
}

/** The whole answer of a recorded call as an object; text that is no JSON stays text. */
function parseAnswer(text, streamed) {
  if (streamed) {
    const chunks = events(text);
    if (chunks.length === 0) return text;
    return chunks.some((chunk) => chunk.type === "message_start") ? mergeAnthropic(chunks) : mergeOpenAi(chunks);
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Token counts of an answer: OpenAI's names or Anthropic's. */
function tokens(answer) {
  const usage = answer?.usage || {};
  return {
    prompt: usage.prompt_tokens ?? usage.input_tokens ?? 0,
    completion: usage.completion_tokens ?? usage.output_tokens ?? 0,
    reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  };
}

module.exports = { parseAnswer, tokens };
