// Two coins that nobody saw. The reader sets the heads of five sets of ten throws, where the two
// probabilities begin, and how many steps of EM are taken, and follows the path to a maximum.
import { Widget } from "./widget.js";

const THROWS = 10;

export const controls = {
  ...Object.fromEntries(
    [5, 9, 8, 4, 7].map((value, i) => [`heads${i}`, { label: `heads in set ${i + 1}`, min: 0, max: 10, step: 1, value }]),
  ),
  first: { label: "first coin begins at", min: 0.02, max: 0.98, step: 0.02, value: 0.6 },
  second: { label: "second coin begins at", min: 0.02, max: 0.98, step: 0.02, value: 0.5 },
  steps: { label: "steps of EM", min: 0, max: 40, step: 1, value: 10 },
};

/** Probability of each coin for each set, from the chances of heads. @returns {number[][]} */
export function responsibilities(chances, heads, throws) {
  const logs = chances.map((p) => heads.map((h) => h * Math.log(p) + (throws - h) * Math.log1p(-p)));
  return logs.map((row, k) => row.map((log, i) => 1 / logs.reduce((sum, other) => sum + Math.exp(other[i] - log), 0)));
}

/** Heads over throws of each coin, each set weighted by its responsibility. @returns {number[]} */
export function mStep(resp, heads, throws) {
  return resp.map((row) => {
    const total = row.reduce((sum, part) => sum + part, 0);
    return row.reduce((sum, part, i) => sum + part * heads[i], 0) / (throws * total);
  });
}

/** The start, and the chances after each step, until a coin has one side alone. @returns {number[][]} */
export function path(chances, heads, throws, steps) {
  const made = [chances];
  for (let step = 0; step < steps; step++) {
    const next = mStep(responsibilities(made[step], heads, throws), heads, throws);
    if (!next.every((p) => p > 1e-12 && p < 1 - 1e-12)) break;
    made.push(next);
  }
  return made;
}

class Coins extends Widget {
  dragged(_part, x, y) {
    return { first: (x - 50) / 240, second: (285 - y) / 240 };
  }

  format(name, value) {
    return ["first", "second"].includes(name) ? value.toFixed(2) : String(value);
  }

  draw(state) {
    const heads = Array.from({ length: 5 }, (_, i) => state[`heads${i}`]);
    const places = path([state.first, state.second], heads, THROWS, state.steps);
    const last = places[places.length - 1];
    const resp = responsibilities(last, heads, THROWS);
    const x = (p) => 50 + 240 * p;
    const y = (p) => 285 - 240 * p;
    const dots = places.map(([a, b]) => `<circle class="f0" cx="${x(a)}" cy="${y(b)}" r="3"/>`);
    const start = `<circle class="f0" data-drag="start" cx="${x(state.first)}" cy="${y(state.second)}" r="8"/>`;
    const bars = heads.map((count, i) => {
      const top = 50 + 46 * i;
      return `<text x="330" y="${top + 16}">${count} of ${THROWS}</text>
        <rect class="f0" x="410" y="${top}" width="${160 * resp[0][i]}" height="24"/>
        <rect class="f1" x="${410 + 160 * resp[0][i]}" y="${top}" width="${160 * resp[1][i]}" height="24"/>`;
    });
    return {
      text:
        `After ${places.length - 1} steps the coins show heads with probability ${last[0].toFixed(3)} and ${last[1].toFixed(3)}. ` +
        `Set 2 is from the first coin with probability ${resp[0][1].toFixed(2)}.`,
      svg: `<svg viewBox="0 0 600 330"><rect class="axis" x="50" y="45" width="240" height="240"/>
        <path class="axis" stroke-dasharray="3 4" d="M50,285L290,45"/>
        <polyline class="s0" points="${places.map(([a, b]) => `${x(a)},${y(b)}`).join(" ")}"/>${dots.join("")}${start}
        <circle class="f1" cx="${x(last[0])}" cy="${y(last[1])}" r="6"/>${bars.join("")}
        <text x="170" y="310" text-anchor="middle">first coin, from 0 to 1</text>
        <text x="34" y="165" text-anchor="middle" transform="rotate(-90 34 165)">second coin</text>
        <text x="330" y="310">blue: first coin, orange: second</text></svg>`,
    };
  }
}

customElements.define("widget-em-coins", Coins);
