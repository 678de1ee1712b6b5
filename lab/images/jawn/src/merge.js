// One answer out of a stream of server-sent events, with its text, tools and usage put together.
"use strict";

const HTML = ["<html", "<HTML", "<!DOCTYPE html>", "<!DOCTYPE HTML>", "<body", "<BODY", "<head", "<HEAD", "<?xml"];

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
  const last = chunks.filter((chunk) => chunk.type === "message_delta").pop();
  const content = chunks.filter((chunk) => chunk.type === "content_block_start").map((start) => {
    const deltas = chunks.filter((chunk) => chunk.type === "content_block_delta" && chunk.index === start.index).map((chunk) => chunk.delta);
    if (start.content_block.type !== "tool_use") return { ...start.content_block, text: deltas.map((delta) => delta.text || "").join("") };
    return { ...start.content_block, input: parseAnswer(deltas.map((delta) => delta.partial_json || "").join("") || "{}", false) };
  });
  return { ...message, ...last?.delta, content, usage: { ...message.usage, ...last?.usage } };
}

/** The whole answer of a recorded call; one that cannot be read is shown inside an object that says so. */
function parseAnswer(text, streamed) {
  if (!text) return {};
  if (HTML.some((start) => text.startsWith(start))) return { error: "HTML response detected:", html_response: text };
  try {
    return JSON.parse(text) ?? { helicone_error: "error parsing response", parse_response_error: null, body: null };
  } catch (error) {
    const chunks = streamed ? events(text) : [];
    if (chunks.length === 0) {
      return { helicone_error: "error parsing response", parse_response_error: `Error parsing body: ${error}, ${text}` };
    }
    if (chunks.some((chunk) => chunk.type === "message_start")) return mergeAnthropic(chunks);
    // The responses API ends with the whole answer; a stream that was cut has what it began with.
    const whole = chunks.filter((chunk) => chunk.response).pop();
    return whole ? whole.response : mergeOpenAi(chunks);
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
