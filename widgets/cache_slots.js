// The cache of one request under four policies. The reader sets the lengths, how much of the output is
// there, the size of a block and the number of samples, and sees tokens, reservations and waste.
import { Widget } from "./widget.js";

const MAX_LENGTH = 2048;

export const controls = {
  prompt: { label: "tokens of the prompt", min: 1, max: 1024, step: 1, value: 160 },
  output: { label: "tokens of the output", min: 1, max: 1024, step: 1, value: 140 },
  produced: { label: "share of the output so far", min: 0, max: 1, step: 0.05, value: 0.5 },
  samples: { label: "samples of one prompt", min: 1, max: 8, step: 1, value: 1 },
  block: { label: "slots of a block", options: { 8: "8", 16: "16", 32: "32", 128: "128" }, value: "16" },
};

/** The smallest power of two that is not below a length. @param {number} length @returns {number} */
export function nextPower(length) {
  let power = 1;
  while (power < length) power *= 2;
  return power;
}

/** Adjacent slots that a buddy allocator gives to a request, by policy. @returns {number} */
export function reserved(policy, prompt, output) {
  if (policy === "max") return MAX_LENGTH;
  return nextPower(prompt + (policy === "pow2" ? nextPower(output) : output));
}

/** Blocks of samples that were forked from one prompt. @returns {number} */
export function blocksWithSharing(prompt, output, samples, block) {
  const shared = Math.floor(prompt / block);
  return shared + samples * (Math.ceil((prompt + output) / block) - shared);
}

class Slots extends Widget {
  format(name, value) {
    return name === "produced" ? `${Math.round(100 * value)} %` : String(value);
  }

  draw({ prompt, output, produced, samples, block }) {
    const size = Number(block);
    const now = Math.round(produced * output);
    const alone = samples * (prompt + now);
    const paged = (now ? blocksWithSharing(prompt, now, samples, size) : Math.ceil(prompt / size)) * size;
    const stored = now ? prompt + samples * now : prompt; // each token of the prompt once
    const rows = [
      ["Max", alone, samples * reserved("max", prompt, output)],
      ["Pow2", alone, samples * reserved("pow2", prompt, output)],
      ["Oracle", alone, samples * reserved("oracle", prompt, output)],
      ["Paged", stored, Math.max(paged, stored)],
    ];
    const most = Math.max(...rows.map(([, , held]) => held));
    const bars = rows.map(([name, used, held], i) => {
      const y = 40 + 66 * i;
      const width = (count) => (470 * count) / most;
      return `<text x="70" y="${y + 25}" text-anchor="end">${name}</text>
        <rect class="f0" x="82" y="${y}" width="${width(used)}" height="38"/>
        <rect class="f1" x="${82 + width(used)}" y="${y}" width="${width(held - used)}" height="38" opacity="0.45"/>
        <text x="86" y="${y + 56}">${held.toLocaleString("en")} slots, ${Math.round((100 * used) / held)} % hold a token</text>`;
    });
    return {
      text:
        `${samples} ${samples === 1 ? "sequence has" : "sequences have"} ${prompt + now} tokens so far. Paging holds ` +
        `${rows[3][2].toLocaleString("en")} slots. Max holds ${(rows[0][2] / rows[3][2]).toFixed(1)} times as many.`,
      svg: `<svg viewBox="0 0 600 330">${bars.join("")}
        <text x="82" y="22">blue: slots that hold a token, orange: held without one</text></svg>`,
    };
  }
}

customElements.define("widget-cache-slots", Slots);
