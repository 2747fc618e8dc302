// Runs gpt.wasm: lays weights and tokens out in its memory, and checks what it does not check.
import { metadataOf, parametersOf, shapesOf } from "./neox.js";
import { count, toFloats, write } from "./safetensors.js";

/**
 * @typedef {import("./neox.js").Config} Config
 * @typedef {{ids: number[], labels: number[]}} Row Tokens of a text, and those of them that are to be
 *   predicted from the tokens before; or IGNORED.
 */

export const IGNORED = -100;
const BATCH = 16; // texts that are run together; gpt.c holds the logits of 64 tokens at most
const MOST = 2 ** 32 / 16; // parameters: each takes 16 bytes, with its gradient and moments

/** @returns {() => number} Equal numbers from 0 to 1 for an equal seed; mulberry32. @param {number} seed */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Some of the items, none twice. @template T @param {T[]} items @param {number} size @param {() => number} draw */
export function sample(items, size, draw) {
  const left = [...items];
  return Array.from({ length: size }, () => {
    const [taken] = left.splice(Math.floor(draw() * left.length), 1);
    return taken;
  });
}

export class Engine {
  /** @param {BufferSource} wasm The bytes of gpt.wasm. */
  static async create(wasm) {
    const { instance } = await WebAssembly.instantiate(wasm);
    return new Engine(instance.exports);
  }

  /** @param {Record<string, any>} exports */
  constructor(exports) {
    this.gpt = exports;
    this.config = /** @type {Config | null} */ (null);
    this.updates = 0;
  }

  /**
   * @param {Config} config
   * @param {Map<string, import("./safetensors.js").Tensor>} tensors
   */
  load(config, tensors) {
    for (const [name, shape] of shapesOf(config)) {
      const found = tensors.get(name)?.shape;
      if (!found) throw new Error(`${name} is missing.`);
      if (String(found) !== String(shape)) throw new Error(`${name} is ${found.join(" x ")}, not ${shape.join(" x ")}.`);
    }
    const parts = shapesOf(config).map(([name]) => toFloats(name, tensors.get(name)));
    this.begin(config);
    parts.reduce((place, part) => (this.initial.set(part, place), place + part.length), 0);
    this.reset();
  }

  /** Random weights: matrices with a standard deviation of 0.02. @param {Config} config @param {number} seed */
  loadRandom(config, seed) {
    const draw = generator(seed);
    const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
    this.begin(config);
    let place = 0;
    for (const [name, shape] of shapesOf(config)) {
      const value = shape.length === 2 ? () => 0.02 * normal() : () => Number(name.endsWith(".weight"));
      for (const end = place + count(shape); place < end; place++) this.initial[place] = value();
    }
    this.reset();
  }

  /** Makes room for a model. @param {Config} config */
  begin(config) {
    const { vocab, width, layers, heads, rotated, ff, context, isTied, isParallel, eps, base } = config;
    const size = parametersOf(config);
    this.within(() => {
      if (size > MOST) throw new RangeError();
      this.gpt.create(vocab, width, layers, heads, rotated, ff, context, isTied, isParallel, eps);
      this.initial = new Float32Array(size);
    }, `${size} parameters`);
    this.config = config;
    const turns = this.view("turns", context * rotated);
    for (let i = 0; i < rotated / 2; i++) {
      const frequency = Math.fround(1 / base ** ((2 * i) / rotated));
      for (let position = 0; position < context; position++) {
        const angle = Math.fround(position * frequency); // in the precision in which such models were trained
        turns[position * rotated + i] = Math.cos(angle);
        turns[position * rotated + rotated / 2 + i] = Math.sin(angle);
      }
    }
  }

  /** The weights as they were loaded, and no moments. */
  reset() {
    this.view("values", this.initial.length).set(this.initial);
    this.gpt.rest();
    this.updates = 0;
  }

  /** Calls what asks for memory; it traps if there is none. @param {() => void} call @param {string} what */
  within(call, what) {
    try {
      call();
    } catch {
      this.config = null; // what is there is no longer whole
      throw new Error(`The browser has no memory for ${what}.`);
    }
  }

  /** Memory, which moves when it grows: not to be kept. @param {string} name @param {number} length */
  view(name, length) {
    return new Float32Array(this.gpt.memory.buffer, this.gpt[name](), length);
  }

  /** Of tokens. @param {string} name @param {number} length */
  ids(name, length) {
    return new Int32Array(this.gpt.memory.buffer, this.gpt[name](), length);
  }

  /** @param {number[][]} texts */
  check(texts) {
    if (!this.config) throw new Error("No model is loaded.");
    const { vocab, context } = this.config;
    if (!texts.length) throw new Error("There is no text.");
    for (const ids of texts) {
      if (!ids.length) throw new Error("A text has no token.");
      if (ids.length > context) throw new Error(`A text has ${ids.length} tokens; the model takes ${context}.`);
      const strange = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocab));
      if (strange !== undefined) throw new Error(`Token ${strange} is not in the vocabulary, which has ${vocab}.`);
    }
  }

  /** Lays texts out, for as many tokens as are asked for; what is added to a text is token 0. */
  place(texts, length = Math.max(...texts.map((ids) => ids.length))) {
    this.check(texts);
    this.within(() => this.gpt.reserve(texts.length, length), `${texts.length} texts of ${length} tokens`);
    const tokens = this.ids("tokens", texts.length * length).fill(0);
    texts.forEach((ids, b) => ids.forEach((id, t) => (tokens[t * texts.length + b] = id)));
    return length;
  }

  /** Lays rows out; a label of row b counts as weights[b] says. @param {Row[]} rows @param {number[]} weights */
  placeRows(rows, weights) {
    const length = this.place(rows.map((row) => row.ids));
    const targets = this.ids("targets", rows.length * length);
    const counts = this.view("target_weights", rows.length * length).fill(0);
    rows.forEach(({ labels }, b) => {
      for (let t = 1; t < labels.length; t++) {
        if (labels[t] === IGNORED) continue;
        targets[(t - 1) * rows.length + b] = labels[t]; // position t - 1 predicts the token at t
        counts[(t - 1) * rows.length + b] = weights[b];
      }
    });
  }

  /** How many labels there are. @param {Row[]} rows */
  labels(rows) {
    for (const { ids, labels } of rows) {
      if (ids.length !== labels.length) throw new Error(`A row has ${ids.length} tokens and ${labels.length} labels.`);
      if (!labels.every((label) => label === IGNORED || label >= 0)) throw new Error("A label is below 0.");
      this.check([ids, labels.map((label) => Math.max(label, 0))]);
    }
    const found = rows.reduce((sum, { labels }) => sum + labels.slice(1).filter((label) => label !== IGNORED).length, 0);
    if (!found) throw new Error("There is no label to learn.");
    return found;
  }

  /** The logits of all tokens of texts that are equally long. @param {number[][]} texts @returns {Float32Array} */
  logits(texts) {
    const length = this.place(texts);
    const { vocab } = this.config;
    const all = new Float32Array(texts.length * length * vocab);
    this.gpt.forward(0, length);
    for (let t = 0; t < length; t++) {
      texts.forEach((_, b) => all.set(this.rowsOfLogits(t * texts.length + b, 1), (b * length + t) * vocab));
    }
    return all;
  }

  /** @param {number} first @param {number} rows At most 64. */
  rowsOfLogits(first, rows) {
    return new Float32Array(this.gpt.memory.buffer, this.gpt.logits(first, rows), rows * this.config.vocab);
  }

  /** The mean of -log p over the labels of all rows. @param {Row[]} rows */
  loss(rows) {
    const weight = 1 / this.labels(rows);
    let sum = 0;
    for (let i = 0; i < rows.length; i += BATCH) {
      const some = rows.slice(i, i + BATCH);
      this.placeRows(some, some.map(() => weight));
      this.gpt.forward(0, Math.max(...some.map((row) => row.ids.length)));
      sum += this.gpt.loss(0);
    }
    return sum;
  }

  /**
   * The mean of the losses of groups, and the gradients. The loss of a group is that of its labels.
   * @param {Row[][]} groups
   */
  gradients(groups) {
    const weights = groups.flatMap((rows) => {
      const weight = 1 / (groups.length * this.labels(rows));
      return rows.map(() => weight);
    });
    this.placeRows(groups.flat(), weights);
    return this.gpt.backward();
  }

  /**
   * One update by AdamW; returns the loss before it.
   * @param {Row[][]} groups
   * @param {{lr: number, betas?: [number, number], eps?: number, decay?: number}} options
   */
  step(groups, { lr, betas = [0.9, 0.999], eps = 1e-8, decay = 0 }) {
    const loss = this.gradients(groups);
    if (!Number.isFinite(loss)) throw new Error("The loss is no number any more: reset, and take a smaller learning rate.");
    this.updates += 1;
    this.gpt.adamw(lr, ...betas, eps, decay, ...betas.map((beta) => 1 - beta ** this.updates));
    return loss;
  }

  /**
   * The most likely token, again and again, until `end`, which is left out.
   * @param {number[][]} prompts
   * @param {{most: number, end: number}} options
   * @returns {number[][]}
   */
  answer(prompts, { most, end }) {
    this.check(prompts);
    const answers = prompts.map(() => /** @type {number[]} */ ([]));
    for (const length of new Set(prompts.map((ids) => ids.length))) {
      const equal = prompts.map((_, i) => i).filter((i) => prompts[i].length === length);
      for (let i = 0; i < equal.length; i += BATCH) {
        const places = equal.slice(i, i + BATCH);
        const grown = this.grow(places.map((place) => prompts[place]), most, end);
        places.forEach((place, b) => (answers[place] = grown[b]));
      }
    }
    return answers;
  }

  /** Of prompts of one length. @param {number[][]} prompts @param {number} most @param {number} end */
  grow(prompts, most, end) {
    const start = prompts[0].length;
    const stop = Math.min(start + most, this.config.context);
    const answers = prompts.map(() => /** @type {number[]} */ ([]));
    const done = prompts.map(() => false);
    this.place(prompts, stop);
    for (let t = start, from = 0; t < stop && !done.every(Boolean); from = t, t += 1) {
      this.gpt.forward(from, t);
      const logits = this.rowsOfLogits((t - 1) * prompts.length, prompts.length);
      const next = prompts.map((_, b) => largest(logits.subarray(b * this.config.vocab, (b + 1) * this.config.vocab)));
      this.ids("tokens", stop * prompts.length).set(next, t * prompts.length);
      next.forEach((id, b) => {
        done[b] ||= id === end;
        if (!done[b]) answers[b].push(id);
      });
    }
    return answers;
  }

  /** The weights as a file that this engine, and transformers, reads. */
  download() {
    this.check([[0]]);
    return write(shapesOf(this.config), this.view("values", this.initial.length), metadataOf(this.config));
  }
}

/** The place of the largest number, the first of equal ones. @param {Float32Array} numbers */
function largest(numbers) {
  let best = 0;
  for (let i = 1; i < numbers.length; i++) if (numbers[i] > numbers[best]) best = i;
  return best;
}
