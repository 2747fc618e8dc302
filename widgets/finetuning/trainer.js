// The page's side of worker.js: a method for each thing that can be asked of it, which returns a promise.

/** @typedef {import("./engine.js").Row} Row @typedef {import("./neox.js").Config} Config */

export class Trainer {
  constructor() {
    // The address says which version of all files the page wants.
    const address = new URL(`worker.js${new URL(import.meta.url).search}`, import.meta.url);
    this.worker = new Worker(address, { type: "module" });
    this.waiting = new Map();
    this.ended = "";
    this.last = 0;
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = ({ message }) => this.close(message || "The worker could not be loaded.");
  }

  hear({ id, news, problem, result }) {
    const { resolve, reject, report } = this.waiting.get(id);
    if (news) return report?.(news);
    this.waiting.delete(id);
    if (problem) reject(new Error(problem));
    else resolve(result);
  }

  /** @param {string} task @param {object} message @param {(news: any) => void} [report] @returns {Promise<any>} */
  send(task, message = {}, report) {
    if (this.ended) return Promise.reject(new Error(this.ended));
    const id = (this.last += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, report });
      this.worker.postMessage({ id, task, ...message });
    });
  }

  /**
   * @param {ArrayBuffer} weights A safetensors file.
   * @param {object} [settings] What config.json holds; without it, what the file says of itself.
   * @returns {Promise<{config: Config, parameters: number}>}
   */
  load(weights, settings) {
    return this.send("load", { weights, settings });
  }

  /** Random weights of a model with these settings, as config.json has them. @param {object} settings @param {number} seed */
  loadRandom(settings, seed) {
    return this.send("loadRandom", { settings, seed });
  }

  /**
   * Goes on from where the last call ended; `seed` is for the first.
   * @param {{rows: Row[], replay?: Row[], steps: number, batch: number, lr: number, seed: number}} options
   * @param {(news: {step: number, loss: number, ms: number}) => void} [report] Called after each update.
   * @returns {Promise<{step: number, stopped: boolean}>}
   */
  train(options, report) {
    return this.send("train", options, report);
  }

  /** Ends a run after the update that is being made. */
  stop() {
    return this.send("stop");
  }

  /**
   * The most likely tokens after each prompt, until `end`.
   * @param {number[][]} prompts @param {{most: number, end: number}} options @returns {Promise<number[][]>}
   */
  ask(prompts, { most, end }) {
    return this.send("ask", { prompts, most, end });
  }

  /** The mean loss over all labels, without training. @param {Row[]} rows @returns {Promise<number>} */
  loss(rows) {
    return this.send("loss", { rows });
  }

  /** Back to the weights as they were loaded. */
  reset() {
    return this.send("reset");
  }

  /** The weights as a safetensors file. @returns {Promise<ArrayBuffer>} */
  download() {
    return this.send("download");
  }

  /** Ends the worker; whatever is and will be asked for fails. @param {string} reason */
  close(reason = "The trainer was closed.") {
    this.ended = reason;
    this.worker.terminate();
    for (const { reject } of this.waiting.values()) reject(new Error(reason));
    this.waiting.clear();
  }
}
