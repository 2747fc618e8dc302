// The clipped loss of one token. The reader sets the ratio of its new and old probability, its advantage
// and the clipping range, and sees the loss, its gradient, and where the gradient is zero.
import { clippedObjective, silent } from "./clipping.js";
import { Widget } from "./widget.js";

export const controls = {
  ratio: { label: "ratio of new and old probability", min: 0, max: 2, step: 0.01, value: 1.1 },
  advantage: { label: "advantage", min: -2, max: 2, step: 0.1, value: 1 },
  epsilon: { label: "clipping range", min: 0.05, max: 0.5, step: 0.05, value: 0.2 },
};

/** @param {number} ratio @param {number} advantage @param {number} epsilon @returns {number} */
export function policyLoss(ratio, advantage, epsilon) {
  return -clippedObjective(ratio, advantage, epsilon);
}

/** Derivative of the loss with respect to the ratio. @returns {number} */
export function slope(ratio, advantage, epsilon) {
  return advantage === 0 || silent(ratio, advantage, epsilon) ? 0 : -advantage;
}

class Clip extends Widget {
  /** The ratio and the advantage at the pointer. */
  dragged(_part, x, y) {
    return { ratio: (x - 340) / 120, advantage: (118 - y) / 45 };
  }

  format(name, value) {
    return value.toFixed(name === "advantage" ? 1 : 2);
  }

  draw({ ratio, advantage, epsilon }) {
    const loss = policyLoss(ratio, advantage, epsilon);
    const gradient = slope(ratio, advantage, epsilon);
    const x = (value) => 40 + 120 * value;
    const y = (value) => 118 - 24 * value;
    const line = (from, to) => [from, to].map((r) => `${x(r)},${y(policyLoss(r, advantage, epsilon))}`).join("L");
    const [low, high] = [1 - epsilon, 1 + epsilon];
    const flat = advantage > 0 ? line(high, 2) : advantage < 0 ? line(0, low) : "0,0";
    const right = (value) => 340 + 120 * value;
    const height = (value) => 118 - 45 * value;
    const reason = advantage === 0 ? "the advantage is 0" : `clipping removes it ${advantage > 0 ? "above" : "below"} ${(advantage > 0 ? high : low).toFixed(2)}`;
    const way = `a step ${advantage > 0 ? "raises" : "lowers"} the ratio`;
    return {
      text: `The loss is ${loss.toFixed(2)}, and its gradient by the ratio is ${gradient.toFixed(1)}: ${gradient ? way : reason}.`,
      svg: `<svg viewBox="0 0 600 255"><path class="axis" d="M40,14V222M40,118H280"/>
        <path class="axis" stroke-dasharray="3 4" d="M${x(low)},14V222M${x(high)},14V222"/>
        <path class="s0" d="M${line(0, low)}L${line(low, high)}L${line(high, 2)}"/>
        <path class="s1" style="stroke-width: 5" d="M${flat}"/>
        <circle class="f3" cx="${x(ratio)}" cy="${y(loss)}" r="7"/>
        <rect class="f1" opacity="0.4" x="${right(high)}" y="${height(2)}" width="${right(2) - right(high)}" height="90"/>
        <rect class="f1" opacity="0.4" x="${right(0)}" y="${height(0)}" width="${right(low) - right(0)}" height="90"/>
        <path class="axis" d="M340,14V222M340,118H580"/>
        <circle class="f3" data-drag="point" cx="${right(ratio)}" cy="${height(advantage)}" r="7"/>
        <text x="160" y="246" text-anchor="middle">ratio, 0 to 2</text>
        <text x="460" y="246" text-anchor="middle">ratio; orange: no gradient</text>
        <text x="24" y="118" text-anchor="middle" transform="rotate(-90 24 118)">loss, -4 to 4</text>
        <text x="326" y="118" text-anchor="middle" transform="rotate(-90 326 118)">advantage, -2 to 2</text></svg>`,
    };
  }
}

customElements.define("widget-ppo-clip", Clip);
