// Four policies for the cache of a server, side by side over time. The reader moves the time, sets how
// often requests arrive and the size of a block, and sees who holds which slots, who waits, who lost
// its blocks, and how many are done.
import { Widget } from "./widget.js";

/** @typedef {{arrival: number, prompt: number, output: number}} Request Times are counted in steps. */
/** @typedef {[number, number]} Span Where adjacent slots begin and end. */

export const SIZE = 256;
export const LONGEST = 64;
const WATERMARK = 0.01;

export const controls = {
  time: { label: "step", min: 1, max: 120, step: 1, value: 24 },
  spacing: { label: "steps between arrivals", min: 1, max: 12, step: 1, value: 2 },
  block: { label: "slots of a block", options: { 4: "4", 8: "8", 16: "16" }, value: "8" },
};

/** @param {number} length @returns {number} The smallest power of two that is not below a length. */
const power = (length) => 2 ** Math.ceil(Math.log2(length));

/** Slots that a request gets when it starts, by policy. @type {Record<string, (request: Request) => number>} */
const RESERVES = {
  Max: () => LONGEST,
  Pow2: ({ prompt, output }) => prompt + power(output),
  Oracle: ({ prompt, output }) => prompt + output,
};

/** A buddy allocator: powers of two, halved to fit and merged when free again. */
class Buddies {
  /** @param {number} size */
  constructor(size) {
    this.size = size;
    /** @type {Map<number, Set<number>>} */
    this.free = new Map();
    for (let length = 1; length <= size; length *= 2) this.free.set(length, new Set());
    this.free.get(size).add(0);
  }

  /** @param {number} length @returns {number} Where so many slots begin, -1 if nowhere. */
  take(length) {
    const wanted = power(length);
    let found = wanted;
    while (found <= this.size && !this.free.get(found).size) found *= 2;
    if (found > this.size) return -1;
    const offset = Math.min(...this.free.get(found));
    this.free.get(found).delete(offset);
    for (; found > wanted; found /= 2) this.free.get(found / 2).add(offset + found / 2);
    return offset;
  }

  /** @param {number} offset @param {number} length */
  give(offset, length) {
    let size = power(length);
    while (size < this.size && this.free.get(size).delete(offset ^ size)) {
      offset = Math.min(offset, offset ^ size);
      size *= 2;
    }
    this.free.get(size).add(offset);
  }
}

/** Every request gets adjacent slots when it starts, and never more. @param {string} policy */
function reserved(policy) {
  const pool = new Buddies(SIZE);
  /** @type {Map<number, Span[]>} */
  const spans = new Map();
  const admit = (name, request) => {
    const length = RESERVES[policy](request);
    const start = pool.take(length);
    if (start >= 0) spans.set(name, [[start, start + length]]);
    return start >= 0;
  };
  const grow = (name, tokens) => tokens <= spans.get(name)[0][1] - spans.get(name)[0][0];
  const release = (name) => {
    const [[start, stop]] = spans.get(name);
    spans.delete(name);
    pool.give(start, stop - start);
  };
  return { spans, admit, grow, release };
}

/** Every request gets a block, anywhere, whenever its last one is full. @param {number} block */
function paged(block) {
  const blocks = Math.floor(SIZE / block);
  const free = Array.from({ length: blocks }, (_, i) => i);
  /** @type {Map<number, Span[]>} */
  const spans = new Map();
  const grow = (name, tokens) => {
    const held = spans.get(name);
    const missing = Math.ceil(tokens / block) - held.length;
    if (missing > free.length) return false;
    for (const number of free.splice(0, Math.max(missing, 0))) held.push([number * block, (number + 1) * block]);
    return true;
  };
  const admit = (name, _request, tokens) => {
    if (Math.ceil(tokens / block) + WATERMARK * blocks > free.length) return false;
    spans.set(name, []);
    return grow(name, tokens);
  };
  const release = (name) => {
    free.push(...spans.get(name).map(([start]) => start / block));
    spans.delete(name);
  };
  return { spans, admit, grow, release };
}

/**
 * Steps of a server: requests that have arrived start if they fit, each running one gets a token, and
 * those that are complete leave. Without room, the latest arrival gives way and waits again.
 * @param {string} policy @param {Request[]} requests By arrival. @param {number} steps @param {number} block
 * @returns {{running: [number, number, Span[]][], waiting: number[], done: number, preempted: number}} Of
 *   each running request its number, its tokens and its slots; the others that have arrived.
 */
export function serve(policy, requests, steps, block) {
  const memory = policy === "Paged" ? paged(block) : reserved(policy);
  const stored = requests.map(({ prompt }) => prompt);
  const waiting = requests.map((_, name) => name);
  /** @type {number[]} */
  let running = [];
  let [done, preempted] = [0, 0];
  for (let now = 0; now < steps; now++) {
    while (waiting.length && requests[waiting[0]].arrival <= now) {
      const name = waiting[0];
      if (!memory.admit(name, requests[name], stored[name] + 1)) break;
      running.push(waiting.shift());
    }
    for (let place = 0; place < running.length; ) {
      const name = running[place];
      if (memory.grow(name, stored[name] + 1)) {
        stored[name]++;
        place++;
      } else {
        const last = running.pop();
        memory.release(last);
        waiting.unshift(last);
        preempted++;
      }
    }
    const complete = running.filter((name) => stored[name] === requests[name].prompt + requests[name].output);
    complete.forEach(memory.release);
    done += complete.length;
    running = running.filter((name) => !complete.includes(name));
  }
  return {
    running: running.map((name) => [name, stored[name], memory.spans.get(name)]),
    waiting: waiting.filter((name) => requests[name].arrival < steps),
    done,
    preempted,
  };
}

// Prompt and output of each request, in tokens.
const LENGTHS = [
  [12, 9], [5, 30], [20, 14], [7, 6], [9, 40], [16, 8], [4, 22], [30, 10], [6, 12], [11, 35], [8, 18], [25, 5],
  [14, 26], [5, 9], [10, 50], [18, 12], [7, 20], [22, 7], [9, 16], [13, 33], [6, 8], [28, 24], [5, 14], [12, 40],
];

class Allocators extends Widget {
  draw({ time, spacing, block }) {
    const requests = LENGTHS.map(([prompt, output], i) => ({ arrival: i * spacing, prompt, output }));
    const policies = [...Object.keys(RESERVES), "Paged"];
    const runs = policies.map((policy) => serve(policy, requests, time, Number(block)));
    const maps = runs.map(({ running, waiting, done, preempted }, i) => {
      const top = 14 + 84 * i;
      const cells = running.flatMap(([name, tokens, spans]) =>
        spans
          .flatMap(([start, stop]) => Array.from({ length: stop - start }, (_, slot) => start + slot))
          .map((slot, place) => {
            const [x, y] = [40 + 8.2 * (slot % 64), top + 22 + 12 * Math.floor(slot / 64)];
            return `<rect class="f${name % 4}" x="${x.toFixed(1)}" y="${y}" width="7.2" height="11" opacity="${place < tokens ? 1 : 0.25}"/>`;
          }),
      );
      const again = preempted ? `, ${preempted} preempted` : "";
      return `<text x="40" y="${top + 14}">${policies[i]}: ${running.length} run, ${waiting.length} wait, ${done} done${again}</text>
        <rect class="axis" x="38" y="${top + 20}" width="527" height="51"/>${cells.join("")}`;
    });
    const [most, least] = [Math.max, Math.min].map((pick) => pick(...runs.map(({ done }) => done)));
    const paging = runs[3];
    return {
      text:
        `After ${time} steps, paging has served ${paging.done} of ${LENGTHS.length} requests and runs ${paging.running.length}; ` +
        `the four policies have served ${least === most ? `${least} each` : `${least} to ${most}`}.`,
      svg: `<svg viewBox="0 0 600 350">${maps.join("")}</svg>`,
    };
  }
}

customElements.define("widget-four-allocators", Allocators);
