// A group of answers to one prompt. The reader rewards each of eight answers, and moves the ratio of
// new and old probability, and sees the advantages and the clipped objective of GRPO.
import { clippedObjective, silent } from "./clipping.js";
import { Widget } from "./widget.js";

const ANSWERS = 8;
const RIGHT = [true, false, false, true, false, false, false, false];

export const controls = {
  ...Object.fromEntries(RIGHT.map((value, i) => [`right${i + 1}`, { label: `answer ${i + 1} is right`, value }])),
  ratio: { label: "ratio of new and old probability", min: 0.5, max: 1.5, step: 0.01, value: 1.1 },
  epsilon: { label: "clipping range", min: 0.05, max: 0.4, step: 0.05, value: 0.2 },
};

/**
 * How many standard deviations each reward lies above the mean of its group.
 * @param {number[]} rewards
 * @param {number} delta Added to the standard deviation, that of a sample.
 * @returns {number[]} Zeros if all rewards are equal.
 */
export function groupAdvantages(rewards, delta) {
  if (rewards.every((reward) => reward === rewards[0])) return rewards.map(() => 0);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const squares = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0);
  return rewards.map((reward) => (reward - mean) / (Math.sqrt(squares / (rewards.length - 1)) + delta));
}

class Group extends Widget {
  format(name, value) {
    return value.toFixed(2);
  }

  draw(state) {
    const rewards = RIGHT.map((_, i) => Number(state[`right${i + 1}`]));
    const advantages = groupAdvantages(rewards, 1e-4);
    const y = (value) => 140 - 45 * value;
    const bars = advantages.map((advantage, i) => {
      const x = 40 + 34 * i;
      const kind = rewards[i] ? "f2" : "f1";
      return `<rect class="${kind}" x="${x}" y="${y(Math.max(advantage, 0))}" width="24" height="${45 * Math.abs(advantage)}"/>
        <text x="${x + 12}" y="285" text-anchor="middle">${i + 1}</text>`;
    });
    const place = (ratio) => 360 + 220 * (ratio - 0.5);
    const curves = [...new Set(advantages)].map((advantage) => {
      const line = [0.5, 1 - state.epsilon, 1 + state.epsilon, 1.5].map(
        (ratio) => `${place(ratio)},${y(clippedObjective(ratio, advantage, state.epsilon))}`,
      );
      const now = y(clippedObjective(state.ratio, advantage, state.epsilon));
      return `<polyline class="${advantage > 0 ? "s2" : "s1"}" points="${line.join(" ")}"/>
        <circle class="f0" cx="${place(state.ratio)}" cy="${now}" r="5"/>`;
    });
    const right = rewards.reduce((sum, reward) => sum + reward, 0);
    const [first] = rewards.map((reward, i) => (reward ? advantages[i] : 0)).filter(Boolean);
    const stuck = (advantage) => silent(state.ratio, advantage, state.epsilon);
    const words = right === 0 || right === ANSWERS
      ? "All rewards are equal: every advantage is 0, and nothing is learned."
      : `${right} of ${ANSWERS} are right. A right answer has the advantage ${first.toFixed(2)}. At a ratio of ` +
        `${state.ratio.toFixed(2)}, the gradient of right answers is ${stuck(1) ? "cut off" : "kept"}, that of wrong ones ` +
        `${stuck(-1) ? "cut off" : "kept"}.`;
    return {
      text: words,
      svg: `<svg viewBox="0 0 600 330"><path class="axis" d="M30,140H320M360,30V250M360,140H580"/>
        ${bars.join("")}${curves.join("")}
        <text x="175" y="312" text-anchor="middle">advantage of each answer</text>
        <text x="470" y="285" text-anchor="middle">0.5 to 1.5</text>
        <text x="470" y="312" text-anchor="middle">objective over the ratio</text></svg>`,
    };
  }
}

customElements.define("widget-grpo-group", Group);
