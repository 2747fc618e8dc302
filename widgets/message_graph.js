// Messages on a graph of five nodes. The reader draws and removes edges, chooses how a node combines
// its messages, and takes steps: how far does the number of the first node travel?
import { Widget } from "./widget.js";

const NODES = 5;
const PAIRS = Array.from({ length: NODES }, (_, a) => Array.from({ length: NODES - a - 1 }, (_, b) => [a, a + b + 1])).flat();
const DRAWN = ["01", "12", "23", "34"];

export const controls = {
  aggregate: { label: "messages are combined by their", options: { sum: "sum", mean: "mean", max: "maximum" }, value: "sum" },
  self: { label: "a node hears itself", value: true },
  steps: { label: "steps", min: 0, max: 8, step: 1, value: 2 },
  ...Object.fromEntries(
    PAIRS.map(([a, b]) => [`e${a}${b}`, { label: `edge ${a} to ${b}`, value: DRAWN.includes(`${a}${b}`) }]),
  ),
};

/**
 * Each node gets the aggregate of its sources' numbers; zero where there are none.
 * @param {number[]} x
 * @param {number[][]} edges Pairs of source and target.
 * @param {string} aggregate
 * @returns {number[]}
 */
export function propagate(x, edges, aggregate) {
  return x.map((_, node) => {
    const found = edges.filter(([, target]) => target === node).map(([source]) => x[source]);
    if (!found.length) return 0;
    if (aggregate === "max") return Math.max(...found);
    const total = found.reduce((sum, value) => sum + value, 0);
    return aggregate === "mean" ? total / found.length : total;
  });
}

class Graph extends Widget {
  draw(state) {
    const pairs = PAIRS.filter(([a, b]) => state[`e${a}${b}`]);
    const own = state.self ? Array.from({ length: NODES }, (_, i) => [i, i]) : [];
    const edges = [...pairs.flatMap(([a, b]) => [[a, b], [b, a]]), ...own];
    let x = Array.from({ length: NODES }, (_, i) => Number(i === 0));
    for (let step = 0; step < state.steps; step++) x = propagate(x, edges, state.aggregate);
    const place = (i) => {
      const angle = (2 * Math.PI * i) / NODES - Math.PI / 2;
      return [300 + 190 * Math.cos(angle), 175 + 125 * Math.sin(angle)];
    };
    const most = Math.max(...x, 1e-9);
    const lines = pairs.map(([a, b]) => `<path class="axis" style="stroke-width: 2" d="M${place(a)}L${place(b)}"/>`);
    const nodes = x.map((value, i) => {
      const [a, b] = place(i);
      return `<circle cx="${a}" cy="${b}" r="30" style="fill: var(--color-background-primary)"/>
        <circle class="f1" cx="${a}" cy="${b}" r="30" opacity="${(0.7 * value) / most}"/>
        <circle class="axis" cx="${a}" cy="${b}" r="30"/>
        <text x="${a}" y="${b - 2}" text-anchor="middle">node ${i}</text>
        <text x="${a}" y="${b + 15}" text-anchor="middle">${Number(value.toPrecision(3))}</text>`;
    });
    const reached = x.filter((value) => value > 0).length;
    return {
      text:
        `Node 0 began with 1, the others with 0. After ${state.steps} ${state.steps === 1 ? "step" : "steps"}, ` +
        `${reached} of ${NODES} nodes are not zero.`,
      svg: `<svg viewBox="0 0 600 350">${lines.join("")}${nodes.join("")}</svg>`,
    };
  }
}

customElements.define("widget-message-graph", Graph);
