// A support vector machine on twelve points. The reader moves one more point, and sets its class, the
// penalty C and the kernel; the machine is trained anew each time.
import { Widget } from "./widget.js";

const POINTS = [
  [-1.6, 0.4], [-1.1, 1.2], [-0.7, -0.2], [-1.9, -0.8], [-0.4, 0.9], [-1.2, -1.1],
  [1.5, -0.3], [0.9, 0.8], [0.6, -0.9], [1.8, 0.9], [1.2, -1.3], [0.4, 0.1],
];
const LABELS = [1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1];

export const controls = {
  x: { label: "point: first coordinate", min: -2.5, max: 2.5, step: 0.05, value: 0.2 },
  y: { label: "point: second coordinate", min: -2, max: 2, step: 0.05, value: -0.4 },
  blue: { label: "the point is blue", value: true },
  C: { label: "penalty C", min: -2, max: 3, step: 0.1, value: 0 },
  kernel: { label: "kernel", options: { linear: "linear", gaussian: "Gaussian" }, value: "linear" },
  gamma: { label: "gamma of the Gaussian", min: -1.5, max: 1.5, step: 0.1, value: 0 },
};

/** @param {number[]} a @param {number[]} b @param {string} kernel @param {number} gamma @returns {number} */
export function kernelValue(a, b, kernel, gamma) {
  if (kernel === "linear") return a[0] * b[0] + a[1] * b[1];
  return Math.exp(-gamma * ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2));
}

/**
 * Sequential minimal optimization: two multipliers at a time, until one bias suits all samples.
 * @param {number[][]} K Kernel of all pairs of samples.
 * @param {number[]} labels 1 or -1, both of them.
 * @param {number} C
 * @param {number} tolerance How far the bounds of the bias may be apart.
 * @returns {{multipliers: number[], bias: number}}
 */
export function solveDual(K, labels, C, tolerance) {
  const n = labels.length;
  const alpha = Array(n).fill(0);
  const F = [...labels];
  const grows = (i) => alpha[i] < C;
  const shrinks = (i) => alpha[i] > 0;
  const best = (may, better) => {
    let found = -1;
    for (let i = 0; i < n; i++) if (may(i) && (found < 0 || better(i, found))) found = i;
    return found;
  };
  let [lower, upper] = [0, 0];
  for (let step = 0; step < 20000; step++) {
    const up = (i) => (labels[i] > 0 ? grows(i) : shrinks(i));
    const low = (i) => (labels[i] > 0 ? shrinks(i) : grows(i));
    const i = best(up, (a, b) => F[a] > F[b]);
    const worst = best(low, (a, b) => F[a] < F[b]);
    [lower, upper] = [F[i], F[worst]];
    if (lower - upper <= tolerance) break;
    const distance = (j) => Math.max(K[i][i] + K[j][j] - 2 * K[i][j], 1e-12);
    const gain = (j) => Math.max(F[i] - F[j], 0) ** 2 / distance(j);
    const j = best(low, (a, b) => gain(a) > gain(b));
    const ends = [labels[i] > 0 ? C : 0, labels[j] > 0 ? 0 : C];
    const rooms = [Math.abs(ends[0] - alpha[i]), Math.abs(ends[1] - alpha[j])];
    const t = Math.min((F[i] - F[j]) / distance(j), ...rooms);
    alpha[i] = rooms[0] === t ? ends[0] : alpha[i] + t * labels[i];
    alpha[j] = rooms[1] === t ? ends[1] : alpha[j] - t * labels[j];
    for (let k = 0; k < n; k++) F[k] -= t * (K[i][k] - K[j][k]);
  }
  const free = F.filter((_, i) => alpha[i] > 0 && alpha[i] < C);
  const mean = free.reduce((sum, value) => sum + value, 0) / free.length;
  return { multipliers: alpha, bias: free.length ? mean : (lower + upper) / 2 };
}

class Machine extends Widget {
  dragged(_part, x, y) {
    return { x: (x - 300) / 110, y: (165 - y) / 75 };
  }

  format(name, value) {
    return ["C", "gamma"].includes(name) ? (10 ** value).toPrecision(2) : value.toFixed(2);
  }

  draw(state) {
    const points = [...POINTS, [state.x, state.y]];
    const labels = [...LABELS, state.blue ? 1 : -1];
    const [C, gamma] = [10 ** state.C, 10 ** state.gamma];
    const k = (a, b) => kernelValue(a, b, state.kernel, gamma);
    const { multipliers, bias } = solveDual(points.map((a) => points.map((b) => k(a, b))), labels, C, 1e-3);
    const decision = (point) => points.reduce((sum, other, i) => sum + labels[i] * multipliers[i] * k(point, other), bias);
    const x = (value) => 300 + 110 * value;
    const y = (value) => 165 - 75 * value;
    const cells = [];
    for (let a = -2.7; a < 2.7; a += 0.1) {
      for (let b = -2.15; b < 2.15; b += 0.1) {
        const value = decision([a + 0.05, b + 0.05]);
        cells.push(
          `<rect class="f${value > 0 ? 0 : 1}" x="${x(a).toFixed(1)}" y="${y(b + 0.1).toFixed(1)}" width="11.5" height="8" opacity="${Math.abs(value) < 1 ? 0.1 : 0.28}"/>`,
        );
      }
    }
    const marks = points.map((point, i) => {
      const [a, b] = [x(point[0]), y(point[1])];
      const ring = multipliers[i] > 1e-6 ? `<circle class="axis" style="stroke-width: 2" cx="${a}" cy="${b}" r="11"/>` : "";
      const size = i === POINTS.length ? 8 : 6;
      const shape =
        labels[i] > 0
          ? `<circle class="f0" cx="${a}" cy="${b}" r="${size}"/>`
          : `<rect class="f1" x="${a - size}" y="${b - size}" width="${2 * size}" height="${2 * size}"/>`;
      return ring + (i === POINTS.length ? `<g data-drag="point">${shape}</g>` : shape);
    });
    const support = multipliers.filter((alpha) => alpha > 1e-6).length;
    const errors = points.filter((point, i) => labels[i] * decision(point) <= 0).length;
    return {
      text: `${support} of ${points.length} points are support vectors (ringed); ${errors} ${errors === 1 ? "lies" : "lie"} on the wrong side. Pale: the band.`,
      svg: `<svg viewBox="0 0 600 330">${cells.join("")}${marks.join("")}
        <text x="8" y="20">circles against squares; the larger mark is yours</text></svg>`,
    };
  }
}

customElements.define("widget-svm", Machine);
