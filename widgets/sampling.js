// The probabilities of the next word. The reader moves the logits of six words, the temperature and
// three truncations, and sees which words are left and with what probability.
import { Widget } from "./widget.js";

const WORDS = ["mat", "sofa", "floor", "roof", "moon", "piano"];

export const controls = {
  ...Object.fromEntries(
    WORDS.map((word, i) => [
      word,
      { label: `logit of ${word}`, min: -6, max: 2, step: 0.1, value: [-0.9, -1.4, -1.9, -2.3, -2.8, -3.2][i] },
    ]),
  ),
  temperature: { label: "temperature", min: 0.1, max: 3, step: 0.1, value: 1 },
  k: { label: "top-k keeps", min: 1, max: 6, step: 1, value: 6 },
  p: { label: "top-p", min: 0.05, max: 1, step: 0.05, value: 1 },
  min_p: { label: "min-p", min: 0, max: 1, step: 0.05, value: 0 },
};

/** @param {number[]} logits @returns {number[]} The softmax; a removed token, -Infinity, gets 0. */
export function probabilities(logits) {
  const top = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** @param {number[]} logits @param {number} temperature @returns {number[]} */
export function applyTemperature(logits, temperature) {
  const top = Math.max(...logits);
  return logits.map((logit) => (logit - top) / temperature);
}

/** @param {number[]} logits @param {(logit: number, i: number) => boolean} keep @returns {number[]} */
function masked(logits, keep) {
  return logits.map((logit, i) => (keep(logit, i) ? logit : -Infinity));
}

/** Keeps the k largest logits, and those equal to the last. @param {number[]} logits @param {number} k */
export function keepTopK(logits, k) {
  const lowest = [...logits].sort((a, b) => b - a)[Math.min(k, logits.length) - 1];
  return masked(logits, (logit) => logit >= lowest);
}

/** Keeps the fewest most probable tokens that reach p. @param {number[]} logits @param {number} p */
export function keepTopP(logits, p) {
  if (p >= 1) return logits;
  const ascending = [...logits].sort((a, b) => a - b);
  let mass = 0;
  const kept = probabilities(ascending).findIndex((part) => (mass += part) > 1 - p);
  return masked(logits, (logit) => logit >= ascending[kept === -1 ? logits.length - 1 : kept]);
}

/** Keeps what is at least min_p times as probable as the first. @param {number[]} logits @param {number} min_p */
export function keepMinP(logits, min_p) {
  const lowest = Math.max(...logits) + Math.log(min_p);
  return masked(logits, (logit) => logit >= lowest);
}

/**
 * Probabilities after the temperature, top-k, top-p and min-p, in the order of transformers.
 * @param {number[]} logits
 * @param {{temperature: number, k: number, p: number, min_p: number}} settings
 * @returns {number[]}
 */
export function nextWord(logits, { temperature, k, p, min_p }) {
  return probabilities(keepMinP(keepTopP(keepTopK(applyTemperature(logits, temperature), k), p), min_p));
}

class Sampling extends Widget {
  /** The logit that gives a word the probability at the pointer, beside the other words. */
  dragged(word, _x, y) {
    const part = Math.min(Math.max((290 - y) / 250, 0.001), 0.999);
    const others = WORDS.filter((other) => other !== word).map((other) => Math.exp(this.state[other]));
    const total = others.reduce((sum, weight) => sum + weight, 0);
    return { [word]: Math.log((part / (1 - part)) * total) };
  }

  format(name, value) {
    return name === "k" ? String(value) : value.toFixed(2);
  }

  draw(state) {
    const logits = WORDS.map((word) => state[word]);
    const before = probabilities(logits);
    const after = nextWord(logits, state);
    const kept = after.filter((part) => part > 0).length;
    const y = (part) => 290 - 250 * part;
    const bars = WORDS.map((word, i) => {
      const x = 50 + 90 * i;
      return `<g data-drag="${word}"><rect class="f0" x="${x}" y="${y(after[i])}" width="60" height="${250 * after[i]}"/>
        <rect class="axis" x="${x}" y="${y(before[i])}" width="60" height="${250 * before[i]}" stroke-dasharray="3 3"/>
        <rect x="${x}" y="40" width="60" height="250" opacity="0"/></g>
        <text x="${x + 30}" y="${y(Math.max(before[i], after[i])) - 6}" text-anchor="middle">${after[i].toFixed(2)}</text>
        <text x="${x + 30}" y="308" text-anchor="middle">${word}</text>`;
    });
    const entropy = after.reduce((sum, part) => (part > 0 ? sum - part * Math.log2(part) : sum), 0);
    return {
      text: `${kept} of ${WORDS.length} words are left; the entropy is ${entropy.toFixed(2)} bits. Dotted: the softmax of the logits.`,
      svg: `<svg viewBox="0 0 600 320"><path class="axis" d="M30,290H590"/>${bars.join("")}</svg>`,
    };
  }
}

customElements.define("widget-sampling", Sampling);
