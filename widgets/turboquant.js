// Vector quantization in two or three dimensions. The reader moves a vector and turns the space; the
// vector is normalized, turned, rounded to a grid, and turned back, and its error stands beside the
// expected one.
import { Widget } from "./widget.js";

const PLANE = {
  1: [-0.636619772368, 0.636619772368],
  2: [-0.854077343852, -0.297195047588, 0.297195047588, 0.854077343852],
  3: [
    -0.93881984948, -0.698679708606, -0.428172690851, -0.144074076974, 0.144074076974, 0.428172690851,
    0.698679708606, 0.93881984948,
  ],
  4: [
    -0.973842665591, -0.870041206447, -0.751166180013, -0.623495032011, -0.490001211832, -0.352550537334,
    -0.212510166176, -0.070996360235, 0.070996360235, 0.212510166176, 0.352550537334, 0.490001211832,
    0.623495032011, 0.751166180013, 0.870041206447, 0.973842665591,
  ],
};
const PLANE_DISTORTION = { 1: 0.18943053086129824, 2: 0.04180957815692676, 3: 0.009857998517018629, 4: 0.0023958078216119727 };

export const controls = {
  dimensions: { label: "dimensions", options: { 2: "two", 3: "three" }, value: "2" },
  x: { label: "first coordinate", min: -2, max: 2, step: 0.05, value: 1.6 },
  y: { label: "second coordinate", min: -2, max: 2, step: 0.05, value: 0.25 },
  z: { label: "third coordinate, if there is one", min: -2, max: 2, step: 0.05, value: 0.6 },
  turn: { label: "rotation", min: 0, max: 360, step: 1, value: 50 },
  tilt: { label: "tilt, in three dimensions", min: 0, max: 180, step: 1, value: 35 },
  bits: { label: "bits of a coordinate", min: 1, max: 4, step: 1, value: 2 },
};

/**
 * Levels with the least squared error for a coordinate of a random unit vector. In three dimensions
 * such a coordinate is uniform (Archimedes), and the levels are evenly spaced.
 * @param {number} bits @param {number} dimensions 2 or 3. @returns {number[]}
 */
export function codebook(bits, dimensions) {
  if (dimensions === 2) return PLANE[bits];
  return Array.from({ length: 2 ** bits }, (_, i) => (2 * i + 1) / 2 ** bits - 1);
}

/** Expected squared error of a unit vector. @param {number} bits @param {number} dimensions @returns {number} */
export function distortion(bits, dimensions) {
  return dimensions === 2 ? PLANE_DISTORTION[bits] : 4 ** -bits;
}

/** A rotation of the plane, or one about the third axis, then one about the first. @returns {number[][]} */
export function rotation(turn, tilt, dimensions) {
  const [cos, sin, c, s] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
  if (dimensions === 2) return [[cos, -sin], [sin, cos]];
  return [[cos, -sin, 0], [c * sin, c * cos, -s], [s * sin, s * cos, c]];
}

/** @param {number[][]} matrix @param {number[]} vector @returns {number[]} */
function times(matrix, vector) {
  return matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i], 0));
}

/** @param {number} value @param {number[]} levels @returns {number} The index of the nearest level. */
function nearest(value, levels) {
  let index = 0;
  while (index < levels.length - 1 && value > (levels[index] + levels[index + 1]) / 2) index++;
  return index;
}

/**
 * What is left of a vector after it was stored.
 * @param {number[]} vector @param {number[][]} turn @param {number} bits @returns {number[]}
 */
export function quantize(vector, turn, bits) {
  const length = Math.hypot(...vector);
  const levels = codebook(bits, vector.length);
  const stored = times(turn, vector.map((value) => (length > 0 ? value / length : 0))).map(
    (value) => levels[nearest(value, levels)],
  );
  return vector.map((_, i) => length * stored.reduce((sum, value, j) => sum + turn[j][i] * value, 0));
}

/** How three dimensions are seen: to the right, upwards, and towards the reader. */
const VIEW = [
  [-0.6, 0.8, 0],
  [-0.32, -0.24, 0.9165],
  [0.7332, 0.5499, 0.4],
];

class Quantization extends Widget {
  format(name, value) {
    if (name === "turn" || name === "tilt") return `${value}°`;
    return name === "bits" ? String(value) : value.toFixed(2);
  }

  dragged(_part, x, y) {
    const seen = [(x - 150) / 55, (165 - y) / 55];
    if (this.state.dimensions === "2") return { x: seen[0], y: seen[1] };
    seen.push(times(VIEW, [this.state.x, this.state.y, this.state.z])[2]);
    const back = VIEW[0].map((_, i) => seen.reduce((sum, value, j) => sum + VIEW[j][i] * value, 0));
    return { x: back[0], y: back[1], z: back[2] };
  }

  draw(state) {
    const flat = state.dimensions === "2";
    const bits = state.bits;
    const vector = flat ? [state.x, state.y] : [state.x, state.y, state.z];
    const length = Math.hypot(...vector);
    const turn = rotation((state.turn * Math.PI) / 180, (state.tilt * Math.PI) / 180, vector.length);
    const stored = quantize(vector, turn, bits);
    const turned = times(turn, vector.map((value) => (length > 0 ? value / length : 0)));
    const levels = codebook(bits, vector.length);
    const places = turned.map((value) => nearest(value, levels));
    const shown = (point) => (flat ? point : times(VIEW, point));
    /** @param {number[]} point */
    const left = (point) => [150 + 55 * shown(point)[0], 165 - 55 * shown(point)[1]];
    /** @param {number[]} point */
    const right = (point) => [450 + 120 * shown(point)[0], 165 - 120 * shown(point)[1]];
    /** @param {number[]} point @param {string} kind @param {number} r */
    const dot = ([a, b], kind, r) => `<circle class="${kind}" cx="${a.toFixed(1)}" cy="${b.toFixed(1)}" r="${r}"/>`;
    const line = (from, to, kind) => `<path class="${kind}" d="M${from}L${to}"/>`;
    const zero = vector.map(() => 0);
    const axes = zero.map((_, i) => {
      const end = zero.map((_, j) => (i === j ? 1 : 0));
      const [out, back] = [2.3, -2.3].map((far) => left(end.map((value) => far * value)));
      const [outer, inner] = [1.1, -1.1].map((far) => right(end.map((value) => far * value)));
      return line(out, back, "axis") + line(outer, inner, "axis");
    });
    const near = places.map((place) => levels.filter((_, i) => Math.abs(i - place) <= (flat ? 16 : 2)));
    const grid = near.reduce((points, column) => points.flatMap((point) => column.map((level) => [...point, level])), [[]]);
    const chosen = places.map((place) => levels[place]);
    const error = length > 0 ? vector.reduce((sum, value, i) => sum + (value - stored[i]) ** 2, 0) / length ** 2 : 0;
    return {
      text:
        `The squared error is ${error.toFixed(4)} of the squared length. Over all directions, its mean is ` +
        `${distortion(bits, vector.length).toFixed(4)} with ${bits} ${bits === 1 ? "bit" : "bits"} a coordinate. ` +
        `Turn the ${flat ? "plane" : "space"}: the error of one vector changes.`,
      svg: `<svg viewBox="0 0 600 350">${axes.join("")}<circle class="axis" cx="450" cy="165" r="120"/>
        ${grid.map((point) => dot(right(point), "axis", flat ? 2 : 1.5)).join("")}
        ${line(left(zero), left(vector), "s0")}${line(left(vector), left(stored), "s3")}
        <g data-drag="vector">${dot(left(vector), "f0", 8)}</g>${dot(left(stored), "f1", 6)}
        ${line(right(zero), right(turned), "s0")}${line(right(turned), right(chosen), "s3")}
        ${dot(right(turned), "f0", 6)}${dot(right(chosen), "f1", 6)}
        <text x="150" y="318" text-anchor="middle">blue: the vector</text>
        <text x="150" y="342" text-anchor="middle">orange: stored</text>
        <text x="450" y="318" text-anchor="middle">normalized and turned</text>
        <text x="450" y="342" text-anchor="middle">${flat ? "with the grid" : "with the grid near it"}</text></svg>`,
    };
  }
}

customElements.define("widget-turboquant", Quantization);
