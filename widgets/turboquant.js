// Vector quantization in two dimensions. The reader moves a vector and turns the plane; the vector is
// normalized, turned, rounded to a grid, and turned back, and its error stands beside the expected one.
import { Widget } from "./widget.js";

/** Levels with the least squared error for a coordinate of a random unit vector in the plane. */
export const LEVELS = {
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
/** Expected squared error of a unit vector, by bits. */
export const DISTORTION = { 1: 0.18943053086129824, 2: 0.04180957815692676, 3: 0.009857998517018629, 4: 0.0023958078216119727 };

export const controls = {
  x: { label: "first coordinate", min: -2, max: 2, step: 0.05, value: 1.6 },
  y: { label: "second coordinate", min: -2, max: 2, step: 0.05, value: 0.25 },
  turn: { label: "rotation", min: 0, max: 360, step: 1, value: 50 },
  bits: { label: "bits of a coordinate", min: 1, max: 4, step: 1, value: 2 },
};

/** Turns a vector. @param {number[]} vector @param {number} angle In radians. @returns {number[]} */
export function rotate([x, y], angle) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [cos * x - sin * y, sin * x + cos * y];
}

/** What is left of a vector after it was stored. @param {number[]} vector @param {number} angle @param {number} bits */
export function quantize(vector, angle, bits) {
  const length = Math.hypot(...vector);
  const unit = vector.map((value) => (length > 0 ? value / length : 0));
  const levels = LEVELS[bits];
  const nearest = (value) => {
    let index = 0;
    while (index < levels.length - 1 && value > (levels[index] + levels[index + 1]) / 2) index++;
    return levels[index];
  };
  return rotate(rotate(unit, angle).map(nearest), -angle).map((value) => length * value);
}

class Quantization extends Widget {
  dragged(_part, x, y) {
    return { x: (x - 150) / 60, y: (165 - y) / 60 };
  }

  format(name, value) {
    if (name === "turn") return `${value}°`;
    return name === "bits" ? String(value) : value.toFixed(2);
  }

  draw({ x, y, turn, bits }) {
    const angle = (turn * Math.PI) / 180;
    const length = Math.hypot(x, y);
    const stored = quantize([x, y], angle, bits);
    const unit = length > 0 ? [x / length, y / length] : [0, 0];
    const turned = rotate(unit, angle);
    const chosen = rotate(length > 0 ? stored.map((value) => value / length) : quantize([0, 0], 0, bits), angle);
    /** @param {number[]} point */
    const left = ([a, b]) => [150 + 60 * a, 165 - 60 * b];
    /** @param {number[]} point */
    const right = ([a, b]) => [450 + 120 * a, 165 - 120 * b];
    /** @param {number[]} point @param {string} kind @param {number} r */
    const dot = ([a, b], kind, r) => `<circle class="${kind}" cx="${a}" cy="${b}" r="${r}"/>`;
    const line = (from, to, kind) => `<path class="${kind}" d="M${from}L${to}"/>`;
    const grid = LEVELS[bits].flatMap((a) => LEVELS[bits].map((b) => dot(right([a, b]), "axis", 2)));
    const error = length > 0 ? ((x - stored[0]) ** 2 + (y - stored[1]) ** 2) / length ** 2 : 0;
    const zero = left([0, 0]);
    return {
      text:
        `The squared error is ${error.toFixed(4)} of the squared length. Over all directions, its mean is ` +
        `${DISTORTION[bits].toFixed(4)} with ${bits} ${bits === 1 ? "bit" : "bits"}. Turn the plane: the error of one vector changes.`,
      svg: `<svg viewBox="0 0 600 350"><path class="axis" d="M20,165H280M150,35V295M320,165H580M450,35V295"/>
        <circle class="axis" cx="450" cy="165" r="120"/>${grid.join("")}
        ${line(zero, left([x, y]), "s0")}${line(left([x, y]), left(stored), "s3")}
        <g data-drag="vector">${dot(left([x, y]), "f0", 8)}</g>${dot(left(stored), "f1", 6)}
        ${line(right([0, 0]), right(turned), "s0")}${line(right(turned), right(chosen), "s3")}
        ${dot(right(turned), "f0", 6)}${dot(right(chosen), "f1", 6)}
        <text x="150" y="330" text-anchor="middle">blue: the vector, orange: stored</text>
        <text x="450" y="330" text-anchor="middle">normalized, turned, and the grid</text></svg>`,
    };
  }
}

customElements.define("widget-turboquant", Quantization);
