// Byte-pair encoding, one merge at a time. The reader types words (a word that is typed twice counts
// twice) and takes steps; each merges the most frequent pair of neighbors.
import { Widget } from "./widget.js";

export const controls = {
  words: {
    label: "words",
    maxlength: 200,
    value: "low low low low low lower lower newest newest newest newest newest newest widest widest widest",
  },
  merges: { label: "merges", min: 0, max: 24, step: 1, value: 4 },
};

/** The letters a to z in their order: the ids that tokenizers of bytes give them. */
const FIRST = 97;

/** Replaces each occurrence of a pair, from left to right. @param {number[]} symbols @param {number[]} pair @returns {number[]} */
export function merge(symbols, [left, right], made) {
  const merged = [];
  for (let i = 0; i < symbols.length; i++) {
    const found = symbols[i] === left && symbols[i + 1] === right;
    merged.push(found ? made : symbols[i]);
    if (found) i++;
  }
  return merged;
}

/**
 * Learns merges: the most frequent pair, and of equally frequent ones the pair of lowest ids.
 * @param {string[]} words Of letters from a to z.
 * @param {number} count At most so many merges.
 * @returns {{pairs: string[][], cuts: string[][]}} The texts of each merged pair, and each word's tokens.
 */
export function train(words, count) {
  const texts = Array.from({ length: 26 }, (_, i) => String.fromCharCode(FIRST + i));
  let symbols = words.map((word) => [...word].map((letter) => letter.charCodeAt(0) - FIRST));
  const pairs = [];
  while (pairs.length < count) {
    const counts = new Map();
    for (const word of symbols) {
      for (let i = 0; i + 1 < word.length; i++) {
        const key = word[i] * 1000 + word[i + 1];
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    if (!counts.size) break;
    const [best] = [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0];
    const pair = [Math.floor(best / 1000), best % 1000];
    symbols = symbols.map((word) => merge(word, pair, texts.length));
    pairs.push(pair.map((id) => texts[id]));
    texts.push(texts[pair[0]] + texts[pair[1]]);
  }
  return { pairs, cuts: symbols.map((word) => word.map((id) => texts[id])) };
}

class Merges extends Widget {
  draw({ words, merges }) {
    const typed = words.toLowerCase().match(/[a-z]+/g) ?? [];
    const { pairs, cuts } = train(typed, merges);
    const counts = new Map(typed.map((word, i) => [word, { cut: cuts[i], times: 0 }]));
    for (const word of typed) counts.get(word).times++;
    const rows = [...counts.values()].slice(0, 8).map(({ cut, times }, i) => {
      let x = 60;
      const y = 24 + 37 * i;
      const boxes = cut.map((token) => {
        const width = 13 * token.length + 8;
        const box = `<rect class="${token.length > 1 ? "f0" : "axis"}" x="${x}" y="${y}" width="${width}" height="28" opacity="${token.length > 1 ? 0.25 : 1}"/>
          <text x="${x + width / 2}" y="${y + 19}" text-anchor="middle">${token}</text>`;
        x += width + 4;
        return box;
      });
      return `<text x="48" y="${y + 19}" text-anchor="end">${times} ×</text>${boxes.join("")}`;
    });
    const tokens = cuts.reduce((sum, cut) => sum + cut.length, 0);
    const letters = typed.join("").length;
    const last = pairs[pairs.length - 1];
    return {
      text:
        `${letters} letters are ${tokens} tokens after ${pairs.length} merges` +
        (last ? `; the last joined ${last.join(" and ")}.` : ".") +
        (pairs.length < merges ? " No pair is left." : ""),
      svg: `<svg viewBox="0 0 600 330">${rows.join("")}</svg>`,
    };
  }
}

customElements.define("widget-bpe-merges", Merges);
