// Attention over six tokens. The reader turns the vector of each token, changes their length, the mask
// and the window, and sees the matrix of weights and what one token receives from the others.
import { mask } from "./masks.js";
import { Widget } from "./widget.js";

const TOKENS = 6;
const ANGLES = [20, 70, 30, 150, 60, 25];

export const controls = {
  ...Object.fromEntries(
    ANGLES.map((value, i) => [
      `angle${i}`,
      { label: `direction of token ${i}`, min: 0, max: 360, step: 5, value },
    ]),
  ),
  length: { label: "length of all vectors", min: 0, max: 8, step: 0.1, value: 3 },
  scale: { label: "divided by the square root of 2", value: true },
  causal: { label: "causal mask", value: true },
  window: { label: "window", min: 1, max: 6, step: 1, value: 6 },
  query: { label: "token whose row is drawn", min: 0, max: 5, step: 1, value: 5 },
};

/**
 * Softmax of the scaled scores: each row of weights sums to one.
 * @param {number[][]} query
 * @param {number[][]} key
 * @param {boolean[][]} allowed Where it is false, the weight is zero; each row allows something.
 * @param {number} divisor Of the products; the square root of the width in a transformer.
 * @returns {number[][]}
 */
export function attentionWeights(query, key, allowed, divisor) {
  return query.map((q, i) => {
    const scores = key.map((k, j) =>
      allowed[i][j] ? q.reduce((sum, value, a) => sum + (value / divisor) * k[a], 0) : -Infinity,
    );
    const top = Math.max(...scores);
    const parts = scores.map((score) => Math.exp(score - top));
    const total = parts.reduce((sum, part) => sum + part, 0);
    return parts.map((part) => part / total);
  });
}

class Attention extends Widget {
  format(name, value) {
    if (name === "length") return value.toFixed(1);
    return name.startsWith("angle") ? `${value}°` : String(value);
  }

  draw(state) {
    const vectors = ANGLES.map((_, i) => {
      const angle = (state[`angle${i}`] * Math.PI) / 180;
      return [state.length * Math.cos(angle), state.length * Math.sin(angle)];
    });
    const allowed = mask(TOKENS, state.causal, state.window);
    const weights = attentionWeights(vectors, vectors, allowed, state.scale ? Math.SQRT2 : 1);
    const cells = weights.flatMap((row, i) =>
      row.map((weight, j) => {
        const [x, y] = [60 + 40 * j, 40 + 40 * i];
        const shade = allowed[i][j] ? 0.08 + 0.92 * weight : 0;
        return `<rect class="f0" x="${x}" y="${y}" width="37" height="37" opacity="${shade}"/>
          ${allowed[i][j] ? "" : `<path class="axis" d="M${x + 12},${y + 12}l13,13m0,-13l-13,13"/>`}`;
      }),
    );
    const places = weights.map((_, i) => `<text x="48" y="${64 + 40 * i}" text-anchor="end">${i}</text>
      <text x="${78 + 40 * i}" y="30" text-anchor="middle">${i}</text>`);
    const row = weights[state.query];
    const flow = row.map((weight, j) => {
      const y = 58 + 40 * j;
      return `<path class="s0" style="stroke-width: ${12 * weight}" d="M430,${y}C490,${y} 500,158 550,158"/>
        <circle class="f1" cx="424" cy="${y}" r="5"/>
        <text x="412" y="${y + 5}" text-anchor="end">${j}: ${weight.toFixed(2)}</text>`;
    });
    const entropy = row.reduce((sum, weight) => (weight > 0 ? sum - weight * Math.log2(weight) : sum), 0);
    const best = row.indexOf(Math.max(...row));
    return {
      text:
        `Token ${state.query} gives its largest weight, ${row[best].toFixed(2)}, to token ${best}. ` +
        `It attends to ${(2 ** entropy).toFixed(1)} tokens, as the entropy counts them.`,
      svg: `<svg viewBox="0 0 600 330">${places.join("")}${cells.join("")}
        <rect class="axis" style="stroke-width: 2" x="58" y="${38 + 40 * state.query}" width="241" height="41"/>
        ${flow.join("")}<circle class="f2" cx="556" cy="158" r="8"/>
        <text x="180" y="310" text-anchor="middle">weights: queries down, keys across</text>
        <text x="490" y="310" text-anchor="middle">what token ${state.query} receives</text></svg>`,
    };
  }
}

customElements.define("widget-attention", Attention);
