// A sliding window and its rolling cache. The reader sets the window, the layers and the newest position,
// and sees which keys are read, how far the layers reach, and what the slots of the cache hold.
import { mask } from "./masks.js";
import { MODELS, bytesPerToken } from "./published.js";
import { Widget } from "./widget.js";

const SEQ = 16;

export const controls = {
  window: { label: "window", min: 1, max: 8, step: 1, value: 4 },
  layers: { label: "layers", min: 1, max: 6, step: 1, value: 2 },
  newest: { label: "newest position", min: 0, max: SEQ - 1, step: 1, value: 10 },
};

/** Positions on which an output of the last layer depends, itself included. @returns {number} */
export function receptiveField(layers, window) {
  return layers * (window - 1) + 1;
}

/** Which position each filled slot holds, after so many were written. @returns {number[]} */
export function held(seen, window) {
  const slots = [];
  for (let position = 0; position < seen; position++) slots[position % window] = position;
  return slots;
}

class Sliding extends Widget {
  draw({ window, layers, newest }) {
    const read = mask(SEQ, true, window);
    const reached = mask(SEQ, true, receptiveField(layers, window));
    const cells = read.flatMap((row, i) =>
      row.map((isRead, j) =>
        reached[i][j]
          ? `<rect class="f${i === newest ? 1 : 0}" opacity="${isRead ? 1 : 0.3}" x="${24 + 11 * j}" y="${8 + 11 * i}" width="10" height="10"/>`
          : "",
      ),
    );
    const slots = held(newest + 1, window).map((position, slot) => {
      const x = 250 + 42 * slot;
      return `<rect class="f1" opacity="${position === newest ? 0.6 : 0.2}" x="${x}" y="42" width="38" height="34"/>
        <text x="${x + 19}" y="66" text-anchor="middle">${position}</text>`;
    });
    const kept = Math.min(window, newest + 1);
    const kibibytes = (count) => `${((count * bytesPerToken(MODELS["Mistral 7B"], 2)) / 1024).toLocaleString("en")} KiB`;
    const reach = reached[newest].filter(Boolean).length;
    return {
      text:
        `Position ${newest} reads ${kept} of ${newest + 1} keys, and through ${layers} ${layers === 1 ? "layer" : "layers"} it depends on ` +
        `${reach} ${reach === 1 ? "input" : "inputs"}; with the sizes of Mistral 7B, the cache keeps ${kibibytes(kept)} instead of ${kibibytes(newest + 1)}.`,
      svg: `<svg viewBox="0 0 600 225">${cells.join("")}
        <rect class="axis" x="24" y="8" width="176" height="176"/>
        <text x="24" y="206">queries down, keys across</text>
        <text x="250" y="28">slots of the cache</text>${slots.join("")}
        <text x="250" y="116">full color: read in one layer</text>
        <text x="250" y="146">pale: through ${layers} ${layers === 1 ? "layer" : "layers"}</text>
        <text x="250" y="176">orange: position ${newest}</text></svg>`,
    };
  }
}

customElements.define("widget-sliding-window", Sliding);
