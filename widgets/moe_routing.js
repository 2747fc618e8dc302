// Six tokens and three experts. The reader chooses who chooses, how many experts a token visits, how
// many places an expert has, and biases that balance the loads, and sees visits, drops and loads.
import { Widget } from "./widget.js";

/** Router probabilities: six tokens, three experts. */
export const PROBABILITY = [
  [0.6, 0.3, 0.1],
  [0.55, 0.1, 0.35],
  [0.7, 0.2, 0.1],
  [0.8, 0.15, 0.05],
  [0.1, 0.48, 0.42],
  [0.2, 0.25, 0.55],
];
const NAMES = ["A", "B", "C"];

export const controls = {
  rule: {
    label: "rule",
    options: { tokens: "tokens choose", places: "tokens choose, places run out", experts: "experts choose" },
    value: "tokens",
  },
  top_k: { label: "experts that a token visits", min: 1, max: 2, step: 1, value: 1 },
  factor: { label: "capacity factor", min: 0.5, max: 2, step: 0.25, value: 1 },
  ...Object.fromEntries(
    NAMES.map((name) => [`bias${name}`, { label: `bias of expert ${name}`, min: -0.5, max: 0.5, step: 0.05, value: 0 }]),
  ),
};

/** The numbers of the k largest values, the largest first; of equal ones, the first. */
export function largest(values, k) {
  return values
    .map((value, i) => [value, i])
    .sort(([a, i], [b, j]) => b - a || i - j)
    .slice(0, k)
    .map(([, i]) => i);
}

/** Places of an expert in a batch. @returns {number} */
export function expertCapacity(tokens, experts, top_k, factor) {
  return Math.ceil(((factor * tokens * top_k) / experts) * (1 - 1e-12));
}

/** Which visits find a place: first choices before second, early tokens first. @returns {boolean[][]} */
export function withinCapacity(index, experts, capacity) {
  const taken = Array(experts).fill(0);
  const kept = index.map((visits) => visits.map(() => false));
  for (let choice = 0; choice < index[0].length; choice++) {
    index.forEach((visits, token) => {
      kept[token][choice] = taken[visits[choice]]++ < capacity;
    });
  }
  return kept;
}

/** For each expert, the tokens that give it the highest probability. @returns {number[][]} */
export function expertChoice(probability, capacity) {
  return probability[0].map((_, expert) => largest(probability.map((row) => row[expert]), capacity));
}

class Routing extends Widget {
  format(name, value) {
    return name === "top_k" ? String(value) : value.toFixed(2);
  }

  draw({ rule, top_k, factor, ...biases }) {
    const capacity = expertCapacity(PROBABILITY.length, NAMES.length, top_k, factor);
    const index = PROBABILITY.map((row) => largest(row.map((p, e) => p + biases[`bias${NAMES[e]}`]), top_k));
    const kept = withinCapacity(index, NAMES.length, rule === "places" ? capacity : Infinity);
    const visits = PROBABILITY.map((row) => row.map(() => 0)); // 1: visit, -1: dropped
    if (rule === "experts") expertChoice(PROBABILITY, capacity).forEach((tokens, e) => tokens.forEach((t) => (visits[t][e] = 1)));
    else index.forEach((chosen, t) => chosen.forEach((e, i) => (visits[t][e] = kept[t][i] ? 1 : -1)));
    const load = NAMES.map((_, e) => visits.filter((row) => row[e] === 1).length);
    const unseen = visits.filter((row) => !row.includes(1)).length;
    const cells = visits.flatMap((row, t) =>
      row.map((visit, e) => {
        const [x, y] = [120 + 70 * e, 45 + 42 * t];
        const mark =
          visit === 1
            ? `<circle class="f0" cx="${x + 30}" cy="${y + 12}" r="8"/>`
            : visit === -1
              ? `<path class="s1" d="M${x + 23},${y + 5}l14,14m0,-14l-14,14"/>`
              : "";
        return `<rect class="f2" x="${x}" y="${y - 8}" width="66" height="38" opacity="${0.5 * PROBABILITY[t][e]}"/>${mark}`;
      }),
    );
    const tokens = PROBABILITY.map((_, t) => `<text x="105" y="${62 + 42 * t}" text-anchor="end">token ${t + 1}</text>`);
    const bars = load.map(
      (count, e) => `<text x="${150 + 70 * e}" y="26" text-anchor="middle">${NAMES[e]}</text>
        <rect class="f0" x="${400 + 60 * e}" y="${280 - 38 * count}" width="40" height="${38 * count}"/>
        <text x="${420 + 60 * e}" y="300" text-anchor="middle">${NAMES[e]}: ${count}</text>`,
    );
    return {
      text:
        `Loads: ${load.map((count, e) => `${NAMES[e]} ${count}`).join(", ")}. ` +
        (rule === "tokens" ? "" : `Each expert has ${capacity} places. `) +
        `${unseen} of ${PROBABILITY.length} tokens ${unseen === 1 ? "visits" : "visit"} no expert.`,
      svg: `<svg viewBox="0 0 600 330">${tokens.join("")}${cells.join("")}${bars.join("")}
        <path class="axis" d="M390,280H580"/><text x="485" y="324" text-anchor="middle">load of each expert</text></svg>`,
    };
  }
}

customElements.define("widget-moe-routing", Routing);
