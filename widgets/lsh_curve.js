// The S-curve of locality-sensitive hashing. The reader sets the number of bands, the rows of each
// band, and the similarity of a pair, and sees the probability that the pair becomes a candidate.
import { Widget } from "./widget.js";

export const controls = {
  bands: { label: "bands", min: 1, max: 64, step: 1, value: 16 },
  rows: { label: "rows of each band", min: 1, max: 16, step: 1, value: 8 },
  similarity: { label: "Jaccard similarity of the pair", min: 0, max: 1, step: 0.01, value: 0.8 },
};

/**
 * Probability that two sets agree in all rows of at least one band.
 * @param {number} similarity From 0 to 1.
 * @param {number} bands
 * @param {number} rows Of each band.
 * @returns {number}
 */
export function candidateProbability(similarity, bands, rows) {
  return -Math.expm1(bands * Math.log1p(-(similarity ** rows)));
}

/**
 * Where the curve rises.
 * @param {number} bands
 * @param {number} rows
 * @returns {number}
 */
export function threshold(bands, rows) {
  return (1 / bands) ** (1 / rows);
}

class Curve extends Widget {
  format(name, value) {
    return name === "similarity" ? value.toFixed(2) : String(value);
  }

  draw({ bands, rows, similarity }) {
    const x = (value) => 60 + 520 * value;
    const y = (value) => 270 - 240 * value;
    const at = candidateProbability(similarity, bands, rows);
    const line = Array.from({ length: 201 }, (_, i) => i / 200)
      .map((value) => `${x(value).toFixed(1)},${y(candidateProbability(value, bands, rows)).toFixed(1)}`)
      .join(" ");
    const ticks = [0, 0.25, 0.5, 0.75, 1]
      .map((value) => `<text x="${x(value)}" y="290" text-anchor="middle">${value}</text>
        <text x="52" y="${y(value) + 4}" text-anchor="end">${value}</text>`)
      .join("");
    const rise = threshold(bands, rows);
    return {
      text:
        `${bands} bands of ${rows} rows take ${bands * rows} MinHash values. The curve rises near ${rise.toFixed(2)}. ` +
        `A pair of similarity ${similarity.toFixed(2)} becomes a candidate with probability ${at.toFixed(3)}.`,
      svg: `<svg viewBox="0 0 600 330">
        <path class="axis" d="M60,30V270H580"/>${ticks}
        <text x="320" y="316" text-anchor="middle">Jaccard similarity</text>
        <text x="16" y="150" text-anchor="middle" transform="rotate(-90 16 150)">probability of a candidate</text>
        <path class="axis" stroke-dasharray="4 4" d="M${x(rise)},30V270"/>
        <polyline class="s0" points="${line}"/>
        <path class="s1" d="M${x(similarity)},270V${y(at)}H60" stroke-dasharray="2 3"/>
        <circle class="f1" cx="${x(similarity)}" cy="${y(at)}" r="6"/>
      </svg>`,
    };
  }
}

customElements.define("widget-lsh-curve", Curve);
