// Memory of training. The reader sets the size of a model, the devices and the stage of ZeRO, and sees
// what weights, gradients and optimizer state take on each device.
import { Widget } from "./widget.js";

export const controls = {
  size: { label: "parameters", min: 8, max: 12, step: 0.05, value: 9.85 },
  ranks: { label: "devices", min: 0, max: 10, step: 1, value: 6 },
  stage: {
    label: "sharded",
    options: { 0: "nothing", 1: "stage 1: optimizer state", 2: "stage 2: gradients too", 3: "stage 3: weights too" },
    value: "0",
  },
  memory: { label: "memory of a device", min: 16, max: 288, step: 8, value: 80 },
};

/**
 * Bytes per parameter on each device, with Adam in mixed precision.
 * @param {number} stage Of ZeRO, from 0 to 3.
 * @param {number} ranks
 * @returns {number[]} Weights, gradients, optimizer state.
 */
export function stateBytes(stage, ranks) {
  return [2 / (stage >= 3 ? ranks : 1), 2 / (stage >= 2 ? ranks : 1), 12 / (stage >= 1 ? ranks : 1)];
}

const PARTS = ["weights", "gradients", "optimizer state"];

class Memory extends Widget {
  format(name, value) {
    if (name === "size") return `${(10 ** value / 1e9).toPrecision(3)} billion`;
    return name === "ranks" ? String(2 ** value) : `${value} GB`;
  }

  draw({ size, ranks, stage, memory }) {
    const devices = 2 ** ranks;
    const gigabytes = stateBytes(Number(stage), devices).map((bytes) => (bytes * 10 ** size) / 1e9);
    const total = gigabytes.reduce((sum, part) => sum + part, 0);
    const x = (value) => 20 + (560 * value) / Math.max(memory, total);
    let begin = 0;
    const bars = gigabytes.map((part, i) => {
      const bar = `<rect class="f${i}" x="${x(begin)}" y="90" width="${x(begin + part) - x(begin)}" height="70"/>
        <text x="20" y="${205 + 24 * i}" style="fill: var(--c${i})">${PARTS[i]}: ${part.toFixed(1)} GB</text>`;
      begin += part;
      return bar;
    });
    const fits = total <= memory;
    return {
      text:
        `${total.toFixed(1)} GB on each of ${devices} ${devices === 1 ? "device" : "devices"}, which ` +
        (fits ? `leaves ${(memory - total).toFixed(1)} GB of ${memory} GB for activations.` : `is more than ${memory} GB.`),
      svg: `<svg viewBox="0 0 600 290"><text x="20" y="60">one of ${devices} devices</text>${bars.join("")}
        <rect class="axis" style="stroke-width: 2" x="20" y="90" width="${x(memory) - 20}" height="70"/>
        <text x="${x(memory)}" y="82" text-anchor="end">${memory} GB</text></svg>`,
    };
  }
}

customElements.define("widget-training-memory", Memory);
