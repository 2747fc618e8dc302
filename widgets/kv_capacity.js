// How many users a device can serve. The reader chooses a published model, the memory of the device,
// the tokens of a user, and the bytes of a stored number, and sees weights, cache and what is left.
import { MODELS, bytesPerToken, choice, parameters } from "./published.js";
import { Widget } from "./widget.js";

export const controls = {
  model: choice("model", MODELS, "Llama 3 8B"),
  itemsize: { label: "cache", options: { 2: "16 bits", 1: "8 bits" }, value: "2" },
  memory: { label: "memory of the device", min: 16, max: 288, step: 8, value: 80 },
  context: { label: "tokens of each user", min: 256, max: 32768, step: 256, value: 2048 },
};

/**
 * Tokens, of all users together, whose cache fits beside the weights in 16 bits.
 * @param {string} model
 * @param {number} memory Bytes of the device, of which nine tenths may be used.
 * @param {number} itemsize Bytes of a stored number.
 * @returns {number} Negative if not even the weights fit.
 */
export function tokensThatFit(model, memory, itemsize) {
  const left = memory * 0.9 - 2 * parameters(MODELS[model]);
  return Math.floor(left / bytesPerToken(MODELS[model], itemsize));
}

class Capacity extends Widget {
  format(name, value) {
    return name === "memory" ? `${value} GB` : value.toLocaleString("en");
  }

  draw({ model, itemsize, memory, context }) {
    const bytes = Number(itemsize);
    const tokens = tokensThatFit(model, memory * 1e9, bytes);
    const users = Math.floor(tokens / context);
    const weights = (2 * parameters(MODELS[model])) / 1e9;
    const each = (bytesPerToken(MODELS[model], bytes) * context) / 1e9;
    const x = (gigabytes) => 20 + (560 * gigabytes) / Math.max(memory, weights);
    const shown = Math.min(Math.max(users, 0), 400);
    const cells = Array.from({ length: shown }, (_, i) => x(weights + (i * users * each) / shown))
      .map((left) => `M${left.toFixed(1)},90V160`)
      .join("");
    const end = x(weights + Math.max(users, 0) * each);
    const text =
      tokens < 0
        ? `The weights of ${model} take ${weights.toFixed(1)} GB, more than nine tenths of ${memory} GB.`
        : `${users.toLocaleString("en")} users of ${context.toLocaleString("en")} tokens fit beside ${weights.toFixed(1)} GB ` +
          `of weights. Each of them takes ${(1000 * each).toLocaleString("en", { maximumFractionDigits: 0 })} MB.`;
    return {
      text,
      svg: `<svg viewBox="0 0 600 250">
        <text x="20" y="60">${model} on ${memory} GB</text>
        <rect class="f0" x="20" y="90" width="${x(weights) - 20}" height="70"/>
        <rect class="f1" x="${x(weights)}" y="90" width="${Math.max(0, end - x(weights))}" height="70" opacity="0.35"/>
        <path class="s1" style="stroke-width: 1" d="${cells || "M0,0"}"/>
        <rect class="axis" x="20" y="90" width="${x(memory) - 20}" height="70"/>
        <path class="axis" stroke-dasharray="4 3" d="M${x(0.9 * memory)},80V170"/>
        <text x="20" y="190">blue: weights, orange: the caches of users</text>
        <text x="${x(0.9 * memory)}" y="208" text-anchor="end">dashed: nine tenths of the memory</text>
      </svg>`,
    };
  }
}

customElements.define("widget-kv-capacity", Capacity);
