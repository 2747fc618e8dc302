// How to spend a budget of training. The reader sets the operations and moves the size of the model,
// and sees the loss that three published fits predict for it, and the best size by each.
import { Widget } from "./widget.js";

/** Constants of L(N, D) = E + A / N^alpha + B / D^beta, in nats per token. */
export const PUBLISHED = {
  "Hoffmann, rounded": { E: 1.69, A: 406.4, B: 410.7, alpha: 0.34, beta: 0.28 },
  "Hoffmann, TeX source": { E: 1.6934, A: 406.4, B: 410.7, alpha: 0.3392, beta: 0.2849 },
  Besiroglu: { E: 1.8172, A: 482.01, B: 2085.43, alpha: 0.3478, beta: 0.3658 },
};

export const controls = {
  budget: { label: "operations", min: 18, max: 27, step: 0.25, value: 23.75 },
  size: { label: "parameters", min: 7, max: 13, step: 0.05, value: 10.8 },
};

/** @typedef {{E: number, A: number, B: number, alpha: number, beta: number}} Law */

/** The loss of N parameters after D tokens. @param {Law} law @param {number} N @param {number} D */
export function predictedLoss(law, N, D) {
  return law.E + law.A / N ** law.alpha + law.B / D ** law.beta;
}

/** The parameters with the smallest loss for which 6 N D = C. @param {Law} law @param {number} C */
export function optimalSize({ A, B, alpha, beta }, C) {
  return ((alpha * A) / (beta * B)) ** (1 / (alpha + beta)) * (C / 6) ** (beta / (alpha + beta));
}

/** Three digits and a unit. @param {number} value */
function short(value) {
  const [unit, size] = value >= 1e12 ? ["T", 1e12] : value >= 1e9 ? ["B", 1e9] : ["M", 1e6];
  return `${Number((value / size).toPrecision(3)).toLocaleString("en")}${unit}`;
}

class Planner extends Widget {
  format(name, value) {
    return name === "budget" ? (10 ** value).toExponential(1) : short(10 ** value);
  }

  draw({ budget, size }) {
    const C = 10 ** budget;
    const N = 10 ** size;
    const x = (power) => 60 + (520 * (power - 7)) / 6;
    const powers = Array.from({ length: 121 }, (_, i) => 7 + i / 20);
    const losses = Object.values(PUBLISHED).map((law) => powers.map((n) => predictedLoss(law, 10 ** n, C / 6 / 10 ** n)));
    const low = Math.min(...losses.flat());
    const y = (loss) => 290 - (240 * Math.min(loss - low, 1.5)) / 1.5;
    const curves = Object.entries(PUBLISHED).map(([name, law], i) => {
      const points = powers.map((n, j) => `${x(n).toFixed(1)},${y(losses[i][j]).toFixed(1)}`).join(" ");
      const best = optimalSize(law, C);
      const lowest = predictedLoss(law, best, C / 6 / best);
      return `<polyline class="s${i}" points="${points}"/>
        <circle class="f${i}" cx="${x(Math.log10(best))}" cy="${y(lowest)}" r="6"/>
        <text class="f${i}" style="fill: var(--c${i})" x="580" y="${40 + 22 * i}" text-anchor="end">${name}: ${short(best)}</text>`;
    });
    const ticks = [7, 8, 9, 10, 11, 12, 13].map(
      (power) => `<text x="${x(power)}" y="310" text-anchor="middle">${short(10 ** power)}</text>`,
    );
    const D = C / 6 / N;
    const said = Object.entries(PUBLISHED).map(([name, law]) => `${predictedLoss(law, N, D).toFixed(2)} (${name})`);
    return {
      text:
        `${short(N)} parameters can read ${short(D)} tokens, ${Number((D / N).toPrecision(2)).toLocaleString("en")} for each parameter. ` +
        `Predicted loss in nats per token: ${said.join(", ")}.`,
      svg: `<svg viewBox="0 0 600 345"><path class="axis" d="M60,30V290H580"/>${ticks.join("")}${curves.join("")}
        <path class="axis" stroke-dasharray="4 3" d="M${x(size)},30V290"/>
        <text x="320" y="336" text-anchor="middle">parameters; dots: the best size by each fit</text>
        <text x="18" y="160" text-anchor="middle" transform="rotate(-90 18 160)">predicted loss, the highest 1.5 cut off</text></svg>`,
    };
  }
}

customElements.define("widget-scaling-planner", Planner);
