// What a call costs, in billionths of a dollar: prices for one token of the prompt and of the answer.
"use strict";

// By provider as it is recorded: any other model, and any model behind another provider's name, costs nothing.
const PRICES = {
  OPENAI: { "gpt-4o-mini": [150, 600], "gpt-4o": [2500, 10000] },
  ANTHROPIC: { "claude-3-5-sonnet-20241022": [3000, 15000], "claude-3-5-haiku-20241022": [800, 4000] },
};

function costOf(provider, model, used) {
  const [prompt, completion] = PRICES[provider]?.[model] || [0, 0];
  return used.prompt * prompt + used.completion * completion;
}

module.exports = { costOf };
