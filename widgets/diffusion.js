// From noise to points. The reader asks for one of eight groups, sets the steps of DDIM, the guidance
// and the fresh noise, and sees where points flow that follow the exact score, and where they end.
import { Widget } from "./widget.js";

const [CLASSES, RADIUS, STD, POINTS] = [8, 2, 0.35, 60];

export const controls = {
  count: { label: "steps of DDIM", min: 1, max: 100, step: 1, value: 20 },
  taken: { label: "steps taken", min: 0, max: 100, step: 5, value: 100 },
  scale: { label: "guidance scale", min: 0, max: 6, step: 0.5, value: 1 },
  eta: { label: "fresh noise (eta)", min: 0, max: 1, step: 0.1, value: 0 },
  label: {
    label: "group",
    options: Object.fromEntries(Array.from({ length: CLASSES }, (_, k) => [k, `at ${45 * k}°`])),
    value: "0",
  },
  seed: { label: "draw of the noise", min: 1, max: 20, step: 1, value: 1 },
};

/** @returns {number[][]} The mean of each group. */
export function centers() {
  return Array.from({ length: CLASSES }, (_, k) => {
    const angle = (2 * Math.PI * k) / CLASSES;
    return [RADIUS * Math.cos(angle), RADIUS * Math.sin(angle)];
  });
}

/** The signal left after each step, if beta rises linearly. @returns {number[]} */
export function linearSchedule(steps, first, last) {
  let left = 1;
  return Array.from({ length: steps }, (_, t) => (left *= 1 - first - ((last - first) * t) / (steps - 1)));
}

/** Some of the steps, from the last one down; halves are rounded to even. @returns {number[]} */
export function trailingSteps(steps, count) {
  return Array.from({ length: count }, (_, i) => {
    const place = steps - (i * steps) / count;
    const near = Math.round(place);
    return (place % 1 === 0.5 && near % 2 ? near - 1 : near) - 1;
  });
}

/**
 * Mean of the noise in a point of the plane, given the means of its possible groups.
 * @param {number[]} x
 * @param {number} alphaBar Share of the signal's variance that is left.
 * @param {number[][]} means One, if the label is known.
 * @returns {number[]}
 */
export function exactNoise(x, alphaBar, means) {
  const variance = alphaBar * STD ** 2 + 1 - alphaBar;
  const logs = means.map((mean) => -mean.reduce((sum, m, a) => sum + (x[a] - Math.sqrt(alphaBar) * m) ** 2, 0) / (2 * variance));
  const weights = logs.map((log) => 1 / logs.reduce((sum, other) => sum + Math.exp(other - log), 0));
  return x.map((value, a) => {
    const mean = weights.reduce((sum, weight, k) => sum + weight * means[k][a], 0);
    return (Math.sqrt(1 - alphaBar) * (value - Math.sqrt(alphaBar) * mean)) / variance;
  });
}

/** Classifier-free guidance; a scale of 1 is conditional. @returns {number[]} */
export function guide(free, conditional, scale) {
  return free.map((value, a) => value + scale * (conditional[a] - value));
}

/** The predicted clean point. @returns {number[]} */
export function fromNoise(x, noise, alphaBar) {
  return x.map((value, a) => (value - Math.sqrt(1 - alphaBar) * noise[a]) / Math.sqrt(alphaBar));
}

/** Mixes the clean point and the noise anew, with less noise; eta adds fresh noise. @returns {number[]} */
export function ddimStep(clean, noise, alphaBar, previous, eta, fresh) {
  const kept = (1 - previous) / (1 - alphaBar);
  const sigma = eta * Math.sqrt(kept * (1 - alphaBar / previous));
  const old = Math.sqrt(Math.max(1 - previous - sigma ** 2, 0));
  return clean.map((value, a) => Math.sqrt(previous) * value + old * noise[a] + sigma * fresh[a]);
}

/** Standard deviation about the mean, over points and coordinates. @param {number[][]} points */
export function classStd(points) {
  const means = points[0].map((_, a) => points.reduce((sum, x) => sum + x[a], 0) / points.length);
  const squares = points.reduce((sum, x) => sum + x.reduce((part, value, a) => part + (value - means[a]) ** 2, 0), 0);
  return Math.sqrt(squares / (2 * (points.length - 1)));
}

/** Which mean is nearest. @param {number[]} x @param {number[][]} means @returns {number} */
export function nearest(x, means) {
  const distances = means.map((mean) => Math.hypot(x[0] - mean[0], x[1] - mean[1]));
  return distances.indexOf(Math.min(...distances));
}

/** Draws pairs of standard normal numbers, the same ones for the same seed. @returns {() => number[]} */
function normal(seed) {
  let state = seed;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return () => {
    const [length, angle] = [Math.sqrt(-2 * Math.log(uniform())), 2 * Math.PI * uniform()];
    return [length * Math.cos(angle), length * Math.sin(angle)];
  };
}

class Diffusion extends Widget {
  format(name, value) {
    if (name === "taken") return `${value}%`;
    return ["scale", "eta"].includes(name) ? value.toFixed(1) : String(value);
  }

  draw({ count, taken, scale, eta, label, seed }) {
    const means = centers();
    const alphaBar = linearSchedule(100, 1e-4, 0.1);
    const levels = [...trailingSteps(100, count).map((t) => alphaBar[t]), 1];
    const pair = normal(7919 * seed);
    const predict = (x, level) => guide(exactNoise(x, level, means), exactNoise(x, level, [means[label]]), scale);
    const steps = Math.round((taken * count) / 100);
    const paths = Array.from({ length: POINTS }, () => {
      const path = [pair()];
      for (let i = 0; i < steps; i++) {
        const noise = predict(path[i], levels[i]);
        path.push(ddimStep(fromNoise(path[i], noise, levels[i]), noise, levels[i], levels[i + 1], eta, pair()));
      }
      return path;
    });
    const points = paths.map((path) => path[steps]);
    const right = points.filter((x) => nearest(x, means) === Number(label)).length;
    /** @param {number[]} point */
    const place = ([a, b]) => `${(208 + 46 * a).toFixed(1)},${(223 - 46 * b).toFixed(1)}`;
    const circles = means.map((mean) => {
      const [x, y] = place(mean).split(",");
      return `<circle class="axis" cx="${x}" cy="${y}" r="${2.45 * 46 * STD}" stroke-dasharray="2 4"/>`;
    });
    const arrows = [];
    for (let i = 0; levels[steps] < 1 && i < 81; i++) {
      const x = [(i % 9) - 4, Math.floor(i / 9) - 4];
      const score = predict(x, levels[steps]).map((value) => -value / Math.sqrt(1 - levels[steps]));
      const long = 1 + Math.max(1, Math.hypot(...score));
      const [u, v] = score.map((value) => value / long);
      const side = 0.04 / Math.hypot(u, v);
      const corners = [[-side * v, side * u], [u, v], [side * v, -side * u]];
      arrows.push(`M${corners.map((corner) => place(corner.map((value, a) => x[a] + value))).join("L")}z`);
    }
    const lines = paths.map((path) => `M${path.map(place).join("L")}`);
    const dots = points.map((x) => {
      const [left, top] = place(x).split(",");
      return `<circle class="${nearest(x, means) === Number(label) ? "f0" : "f1"}" cx="${left}" cy="${top}" r="4"/>`;
    });
    return {
      text:
        `After ${steps} of ${count} steps, ${right} of ${POINTS} points are nearest to the center of the right group, ` +
        `and their standard deviation is ${classStd(points).toFixed(2)} (data: ${STD}).`,
      svg: `<svg viewBox="0 0 600 446">${circles.join("")}<path style="fill: var(--color-foreground-secondary)" opacity="0.5" d="${arrows.join("") || "M0,0"}"/>
        <path class="s0" style="stroke-width: 1" opacity="0.25" d="${lines.join("")}"/>${dots.join("")}
        <text x="428" y="60">blue: right group</text><text x="428" y="90">orange: another</text>
        <text x="428" y="120">dashed: data,</text><text x="428" y="146">95% of a group</text>
        <text x="428" y="176">gray: score,</text><text x="428" y="202">with guidance</text></svg>`,
    };
  }
}

customElements.define("widget-diffusion", Diffusion);
