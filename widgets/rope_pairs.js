// Rotary positions. The reader moves a query and a key through a text, alone or both together, and
// changes the base; each pair of features is a clock with two hands, and their angle is what counts.
import { Widget } from "./widget.js";

const HEAD_DIM = 8;

export const controls = {
  query: { label: "position of the query", min: 0, max: 64, step: 1, value: 20 },
  key: { label: "position of the key", min: 0, max: 64, step: 1, value: 14 },
  shift: { label: "move both by", min: 0, max: 512, step: 1, value: 0 },
  base: { label: "base", options: { 100: "100", 10000: "10,000", 500000: "500,000" }, value: "10000" },
};

/** Radians per position of each pair. @param {number} headDim @param {number} base @returns {number[]} */
export function frequencies(headDim, base) {
  return Array.from({ length: headDim / 2 }, (_, i) => base ** -((2 * i) / headDim));
}

/**
 * Score of a query and a key that are equal before the rotation, divided by its value at distance 0.
 * @param {number} distance
 * @param {number} headDim
 * @param {number} base
 * @returns {number}
 */
export function score(distance, headDim, base) {
  const turns = frequencies(headDim, base).map((theta) => Math.cos(distance * theta));
  return turns.reduce((sum, turn) => sum + turn, 0) / turns.length;
}

class Pairs extends Widget {
  draw({ query, key, shift, base }) {
    const theta = frequencies(HEAD_DIM, Number(base));
    const clocks = theta.map((frequency, i) => {
      const x = 75 + 150 * i;
      const hand = (position, kind) => {
        const angle = (position + shift) * frequency;
        return `<path class="${kind}" style="stroke-width: 4" d="M${x},75l${56 * Math.cos(angle)},${-56 * Math.sin(angle)}"/>`;
      };
      const degrees = (((query - key) * frequency * 180) / Math.PI).toFixed(0);
      return `<circle class="axis" cx="${x}" cy="75" r="60"/>${hand(key, "s1")}${hand(query, "s0")}
        <text x="${x}" y="156" text-anchor="middle">pair ${i}: ${degrees}°</text>`;
    });
    const x = (distance) => 60 + (520 * (distance + 64)) / 128;
    const y = (value) => 260 - 60 * value;
    const line = Array.from({ length: 257 }, (_, i) => i / 2 - 64)
      .map((distance) => `${x(distance)},${y(score(distance, HEAD_DIM, Number(base))).toFixed(1)}`)
      .join(" ");
    const now = score(query - key, HEAD_DIM, Number(base));
    return {
      text:
        `The query stands ${Math.abs(query - key)} positions ${query >= key ? "after" : "before"} the key. If both held the same ` +
        `features, their score would be ${now.toFixed(2)} of that at distance 0, wherever the two stand.`,
      svg: `<svg viewBox="0 0 600 350">${clocks.join("")}
        <path class="axis" d="M60,190V330M60,260H580"/><polyline class="s2" points="${line}"/>
        <circle class="f0" cx="${x(query - key)}" cy="${y(now)}" r="6"/>
        <text x="52" y="${y(1) + 4}" text-anchor="end">1</text><text x="52" y="${y(-1) + 4}" text-anchor="end">−1</text>
        <text x="320" y="346" text-anchor="middle">score over the distance from −64 to 64; blue: query, orange: key</text></svg>`,
    };
  }
}

customElements.define("widget-rope-pairs", Pairs);
