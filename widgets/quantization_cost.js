// What four bits gain. The reader chooses a model and a device, the tokens of a step and how a kernel
// unpacks, and sees how much faster than with 16 bits a layer is, or how much slower.
import { DEVICES, MBU, MFU, MODELS, choice, parameters } from "./published.js";
import { Widget } from "./widget.js";

export const controls = {
  model: choice("model", MODELS, "Llama 3 8B"),
  device: choice("device", DEVICES, "A100"),
  tokens: { label: "tokens in a step", min: 0, max: 10, step: 0.25, value: 4 },
  group: { label: "weights that share a scale", min: 4, max: 8, step: 1, value: 7 },
  unpack: { label: "tokens per unpacking", min: 0, max: 8, step: 1, value: 4 },
  operations: { label: "operations per unpacking", min: 0.5, max: 8, step: 0.5, value: 2 },
  overlap: { label: "unpacking overlaps with the products", value: false },
};

/** Bits of a weight with its share of a scale and a zero of 16 bits each. @returns {number} */
export function bitsPerWeight(bits, group) {
  return bits + 32 / group;
}

/**
 * @typedef {{flops: number, bandwidth: number, scalar: number, tokens_per_unpack: number, operations: number}} Machine
 */

/** Seconds of a layer with 16-bit weights. @param {Machine} machine @returns {number} */
export function time16(machine, tokens, inputs, outputs) {
  const read = (2 * (inputs * outputs + tokens * (inputs + outputs))) / machine.bandwidth;
  return Math.max((2 * tokens * inputs * outputs) / machine.flops, read);
}

/** Products, unpacking and reading of packed weights, each alone. @param {Machine} machine @returns {number[]} */
function parts4(machine, tokens, inputs, outputs, group) {
  const times = Math.ceil(tokens / machine.tokens_per_unpack);
  const bytes = (inputs * outputs * bitsPerWeight(4, group)) / 8 + 2 * tokens * (inputs + outputs);
  return [
    (2 * tokens * inputs * outputs) / machine.flops,
    (machine.operations * inputs * outputs * times) / machine.scalar,
    bytes / machine.bandwidth,
  ];
}

/** Seconds with packed weights: fewer bytes, and unpacking on top. @param {Machine} machine @returns {number} */
export function time4(machine, tokens, inputs, outputs, group) {
  const [products, unpack, read] = parts4(machine, tokens, inputs, outputs, group);
  return Math.max(products + unpack, read);
}

/** Seconds if products, unpacking and reading overlap. @param {Machine} machine @returns {number} */
export function time4Overlapped(machine, tokens, inputs, outputs, group) {
  return Math.max(...parts4(machine, tokens, inputs, outputs, group));
}

class Cost extends Widget {
  format(name, value) {
    if (name === "operations") return value.toFixed(1);
    return Math.round(2 ** value).toLocaleString("en");
  }

  draw({ model, device, tokens, group, unpack, operations, overlap }) {
    const { d_model: inputs, d_ff: outputs } = MODELS[model];
    const { peak, bandwidth, general_peak: scalar } = DEVICES[device];
    const machine = {
      ...{ flops: MFU * peak, bandwidth: MBU * bandwidth, scalar: MFU * scalar },
      ...{ tokens_per_unpack: 2 ** unpack, operations },
    };
    const time = overlap ? time4Overlapped : time4;
    const gain = (count) => time16(machine, count, inputs, outputs) / time(machine, count, inputs, outputs, 2 ** group);
    const x = (log) => 60 + 50 * log;
    const y = (factor) => 260 - 55 * factor;
    const line = Array.from({ length: 101 }, (_, i) => `${x(i / 10)},${y(gain(2 ** (i / 10)))}`);
    const count = Math.round(2 ** tokens);
    const factor = gain(count);
    const size = (bits) => ((parameters(MODELS[model]) * bits) / 8e9).toFixed(1);
    const ticks = [0, 2, 4, 6, 8, 10].map((log) => `<text x="${x(log)}" y="282" text-anchor="middle">${2 ** log}</text>`);
    const levels = [0, 1, 2, 3, 4].map((level) => `<text x="50" y="${y(level) + 5}" text-anchor="end">${level}</text>`);
    return {
      text:
        `With ${count} ${count === 1 ? "token" : "tokens"} in a step, four bits are ${factor.toFixed(2)} times as fast as 16 bits; ` +
        `all weights of ${model} take ${size(bitsPerWeight(4, 2 ** group))} GB instead of ${size(16)} GB.`,
      svg: `<svg viewBox="0 0 600 329"><path class="axis" d="M60,30V260H570"/>
        <path class="axis" stroke-dasharray="4 3" d="M60,${y(1)}H570"/>${ticks.join("")}${levels.join("")}
        <polyline class="s0" points="${line.join(" ")}"/>
        <circle class="f1" cx="${x(tokens)}" cy="${y(factor)}" r="7"/>
        <text x="570" y="24" text-anchor="end">speed with 4 bits, relative to 16 bits</text>
        <text x="310" y="314" text-anchor="middle">tokens in a step, layer of ${inputs} × ${outputs}</text></svg>`,
    };
  }
}

customElements.define("widget-quantization-cost", Cost);
