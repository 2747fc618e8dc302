// Query heads that share keys and values. The reader chooses a model, how many key/value heads it has and
// the tokens of a text, and sees which head reads which, and the bytes of the cache.
import { MODELS, bytesPerToken, choice } from "./published.js";
import { Widget } from "./widget.js";

export const controls = {
  model: choice("model", MODELS, "Llama 3 8B"),
  kv_heads: { label: "key/value heads", min: 0, max: 7, step: 1, value: 3 },
  head: { label: "query head", min: 0, max: 70, step: 1, value: 5 },
  tokens: { label: "tokens of the text", min: 8, max: 17, step: 0.25, value: 12 },
  itemsize: { label: "numbers of", options: { 2: "16 bits", 1: "8 bits" }, value: "2" },
};

/** The key/value head that a query head reads, both counted from 0. @returns {number} */
export function keyHead(head, heads, kvHeads) {
  return Math.floor((head * kvHeads) / heads);
}

/** The largest number up to a limit that divides the heads. @returns {number} */
export function divisor(heads, limit) {
  let found = Math.min(heads, limit);
  while (heads % found) found--;
  return found;
}

/** Operations of a decoding step for each byte of the cache. @returns {number} */
export function operationsPerByte(group, itemsize) {
  return (2 * group) / itemsize;
}

class Groups extends Widget {
  format(name, value) {
    const { heads } = MODELS[this.state.model];
    if (name === "kv_heads") return String(divisor(heads, 2 ** value));
    return name === "head" ? String(value % heads) : Math.round(2 ** value).toLocaleString("en");
  }

  draw({ model, kv_heads, head, tokens, itemsize }) {
    const { heads } = MODELS[model];
    const kvHeads = divisor(heads, 2 ** kv_heads);
    const query = head % heads;
    const own = keyHead(query, heads, kvHeads);
    const count = Math.round(2 ** tokens);
    const bytes = (kept) => bytesPerToken({ ...MODELS[model], kv_heads: kept }, Number(itemsize)) * count;
    const x = (place, of) => 20 + (560 * (place + 0.5)) / of;
    const size = Math.min(8, 200 / heads);
    const lines = [];
    for (let i = 0; i < heads; i++) {
      const shared = keyHead(i, heads, kvHeads);
      const kind = shared === own ? "1" : "0";
      lines.push(`<path class="s${kind}" style="stroke-width: ${i === query ? 4 : 1}" d="M${x(i, heads)},60L${x(shared, kvHeads)},170"/>
        <circle class="f${kind}" cx="${x(i, heads)}" cy="60" r="${i === query ? size + 3 : size}"/>`);
    }
    for (let g = 0; g < kvHeads; g++) {
      lines.push(`<rect class="f${g === own ? 1 : 0}" x="${x(g, kvHeads) - size}" y="${170 - size}" width="${2 * size}" height="${2 * size}"/>`);
    }
    const gigabytes = (value) => `${(value / 2 ** 30).toFixed(2)} GiB`;
    const bar = (kept, y, kind) => `<rect class="${kind}" x="20" y="${y}" width="${(560 * kept) / heads}" height="22"/>`;
    const group = heads / kvHeads;
    const intensity = operationsPerByte(group, Number(itemsize));
    return {
      text:
        `Query head ${query} reads key/value head ${own}, as ${group === 1 ? "no other head does" : group === 2 ? "one other head does" : `${group - 1} other heads do`}; ` +
        `the cache of ${count.toLocaleString("en")} tokens takes ${gigabytes(bytes(kvHeads))}, and a step does ` +
        `${intensity} ${intensity === 1 ? "operation" : "operations"} per byte of it.`,
      svg: `<svg viewBox="0 0 600 406">${lines.join("")}
        <text x="20" y="30">${heads} query heads</text>
        <text x="20" y="210">${kvHeads} key/value ${kvHeads === 1 ? "head" : "heads"}</text>
        <text x="20" y="262">cache: ${gigabytes(bytes(kvHeads))}</text>${bar(kvHeads, 272, "f1")}
        <text x="20" y="334">with a key/value head for each query head: ${gigabytes(bytes(heads))}</text>${bar(heads, 344, "f0")}</svg>`,
    };
  }
}

customElements.define("widget-head-groups", Groups);
