// One guess of a draft model, and many. The reader sets what the draft and the target model hold for
// likely, how many tokens are guessed and what a guess costs, and sees what is accepted, where the
// residual distribution lies, and whether the target alone would be faster.
import { Widget } from "./widget.js";

const TOKENS = ["A", "B", "C", "D"];
const WEIGHTS = { p: [5, 3, 2, 1], q: [2, 6, 2, 1] };

export const controls = {
  ...Object.fromEntries(
    Object.entries(WEIGHTS).flatMap(([name, weights]) =>
      TOKENS.map((token, i) => [
        `${name}${token}`,
        { label: `${name === "p" ? "target" : "draft"}, ${token}`, min: 0, max: 10, step: 0.5, value: weights[i] },
      ]),
    ),
  ),
  guesses: { label: "guesses in a round", min: 1, max: 12, step: 1, value: 4 },
  cost: { label: "time of a guess, in target steps", min: 0, max: 1, step: 0.01, value: 0.1 },
};

/** Makes weights a distribution; equal where all are zero. @param {number[]} weights @returns {number[]} */
export function distribution(weights) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => (total > 0 ? weight / total : 1 / weights.length));
}

/** Chance that a guess from q is kept. @param {number[]} p @param {number[]} q @returns {number} */
export function acceptance(p, q) {
  return p.reduce((sum, chance, i) => sum + Math.min(chance, q[i]), 0);
}

/** Where p exceeds q, made a distribution; p if it never does. @param {number[]} p @param {number[]} q */
export function residual(p, q) {
  const missing = p.map((chance, i) => Math.max(chance - q[i], 0));
  const total = missing.reduce((sum, part) => sum + part, 0);
  return total > 0 ? missing.map((part) => part / total) : p;
}

/** Tokens for each pass of the target. @param {number} alpha @param {number} guesses @returns {number} */
export function expectedTokens(alpha, guesses) {
  let total = 0;
  for (let kept = 0; kept <= guesses; kept++) total += alpha ** kept;
  return total;
}

/** Tokens in a unit of time, relative to the target alone. @returns {number} */
export function speedup(alpha, guesses, draftCost) {
  return expectedTokens(alpha, guesses) / (guesses * draftCost + 1);
}

class Speculation extends Widget {
  /** The weight that gives a token the probability at the pointer, beside the other tokens. */
  dragged(part, _x, y) {
    const share = Math.min(Math.max((270 - y) / 220, 0), 0.999);
    const others = TOKENS.filter((token) => token !== part[1]).map((token) => this.state[part[0] + token]);
    const total = others.reduce((sum, weight) => sum + weight, 0);
    return { [part]: (share / (1 - share)) * total };
  }

  format(name, value) {
    return name === "cost" ? value.toFixed(2) : String(value);
  }

  draw(state) {
    const [p, q] = ["p", "q"].map((name) => distribution(TOKENS.map((token) => state[name + token])));
    const alpha = acceptance(p, q);
    const rest = residual(p, q);
    const tokens = expectedTokens(alpha, state.guesses);
    const faster = speedup(alpha, state.guesses, state.cost);
    const handle = (x, part) => `<rect data-drag="${part}" x="${x}" y="50" width="34" height="220" opacity="0"/>`;
    const bar = (x, height, kind) =>
      `<rect class="${kind}" x="${x}" y="${270 - 220 * height}" width="34" height="${220 * height}"/>`;
    const groups = TOKENS.map((token, i) => {
      const x = 40 + 142 * i;
      const common = Math.min(p[i], q[i]);
      return `${bar(x, p[i], "f0")}${bar(x + 38, q[i], "f1")}${bar(x + 76, common, "f2")}
        <rect class="axis" stroke-dasharray="3 3" x="${x}" y="${270 - 220 * p[i]}" width="34" height="${220 * (p[i] - common)}"/>
        ${handle(x, `p${token}`)}${handle(x + 38, `q${token}`)}
        <text x="${x + 55}" y="290" text-anchor="middle">${token}: ${rest[i].toFixed(2)}</text>`;
    });
    return {
      text:
        `A guess is kept with probability ${alpha.toFixed(2)}. With ${state.guesses} guesses, a pass of the target gives ` +
        `${tokens.toFixed(2)} tokens: ${faster.toFixed(2)} times as fast as the target alone${faster < 1 ? ", a loss" : ""}.`,
      svg: `<svg viewBox="0 0 600 330"><path class="axis" d="M30,270H590"/>${groups.join("")}
        <text x="30" y="24">blue: target, orange: draft, green: what both hold, kept</text>
        <text x="30" y="316">below: the residual distribution, from which a rejected guess is replaced</text></svg>`,
    };
  }
}

customElements.define("widget-speculation", Speculation);
