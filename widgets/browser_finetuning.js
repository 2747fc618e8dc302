// Fine-tunes a small language model in the page. The reader chooses the first weights and trains; a
// worker computes the steps. Loss, held-out answers and loss on prose are drawn while it runs, and any
// question can be asked. Nothing is loaded before the first click on a button.
import { Widget } from "./widget.js";

export const controls = {
  start: {
    label: "start from",
    value: "trained",
    options: { trained: "pre-trained weights", random: "random weights", own: "weights that you open" },
  },
  lr: { label: "learning rate", value: "0.001", options: { 0.0001: "0.0001", 0.0003: "0.0003", 0.001: "0.001", 0.003: "0.003" } },
  steps: { label: "steps", min: 10, max: 300, step: 10, value: 150 },
  replay: { label: "replay prose of pre-training", value: false },
  question: { label: "question", maxlength: 80, value: "What money is used in Japan?" },
};

export const actions = { train: "Train", stop: "Stop", ask: "Ask", open: "Open weights …", download: "Download weights" };

const BATCH = 16;
/** Held-out questions that are asked each time; they are spread evenly over all kinds and countries. */
const ASKED = 60;

/** Every k-th of a list, so that about ``count`` are left. @template T @param {T[]} list @returns {T[]} */
export function spread(list, count) {
  return Array.from({ length: Math.min(count, list.length) }, (_, i) => list[Math.floor((i * list.length) / count)]);
}

/** Height of a loss in the drawing, which has a logarithmic scale from 0.003 to 10 nats. */
export function height(loss) {
  const share = Math.log(Math.min(10, Math.max(0.003, loss)) / 0.003) / Math.log(10 / 0.003);
  return 270 - 240 * share;
}

export const percent = (share) => `${Math.round(100 * share)} %`;

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** @typedef {[number, number]} Pair A step, and what was measured after it. */

class Finetuning extends Widget {
  /** @type {Pair[]} Loss on answers, by step. */
  losses = [];
  /** @type {Pair[]} Share of held-out questions that are answered right, by step. */
  shares = [];
  /** @type {Pair[]} Loss on prose, by step. */
  prose = [];
  done = 0;
  said = "";
  /** @type {any} The task: pairs, prose, merges of the tokenizer. */
  data;
  /** @type {any} The module that encodes them. */
  code;

  connectedCallback() {
    this.clear();
    super.connectedCallback();
    this.form.addEventListener("click", ({ target }) => {
      const { action } = /** @type {HTMLElement} */ (target).dataset;
      if (action) this.act(action);
    });
    this.form.addEventListener("submit", () => this.act("ask"));
    this.addEventListener("dragover", (event) => event.preventDefault());
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      this.act("read", [...event.dataTransfer.files]);
    });
    this.enable();
  }

  disconnectedCallback() {
    this.halted = true;
    this.forget();
  }

  clear() {
    Object.assign(this, { losses: [], shares: [], prose: [], said: "", done: 0 });
  }

  /** Only what can be done now can be pressed. */
  enable() {
    for (const button of this.form.querySelectorAll("button")) {
      const { action } = button.dataset;
      if (action) button.disabled = action === "stop" ? !this.running : Boolean(this.busy) || (action === "download" && !this.loaded);
    }
  }

  /** @param {string} text Announced, since the result is a live region. */
  say(text) {
    this.said = text;
    this.update();
  }

  /** Does what a button says, one thing at a time, and says what went wrong. */
  async act(action, argument) {
    if (action === "stop") {
      this.halted = true;
      return this.trainer?.stop();
    }
    if (this.busy) return;
    const mine = (this.busy = {});
    this.halted = false;
    this.enable();
    try {
      await this[action](argument);
    } catch (problem) {
      if (this.busy !== mine) return; // it was reset meanwhile
      if (!this.loaded) this.forget();
      this.say(`That did not work: ${problem.message}`);
    }
    if (this.busy !== mine) return;
    this.busy = this.running = false;
    this.enable();
  }

  /** Ends the worker, so that the next click begins anew. */
  forget() {
    this.trainer?.close();
    this.trainer = this.task = undefined;
    this.loaded = "";
  }

  /** A file beside this module, in the same version. */
  file(name) {
    const here = new URL(this.dataset.module, location.href);
    return new URL(`finetuning/${name}${here.search}`, here);
  }

  async fetched(name) {
    const answer = await fetch(this.file(name));
    if (!answer.ok) throw new Error(`${name} could not be loaded (${answer.status}).`);
    return answer;
  }

  /** Loads engine and task on first use, and the weights that are chosen. */
  async ready() {
    const { start } = this.state;
    if (!this.task) {
      this.say("Loading the engine …");
      const [{ Trainer }, code, data] = await Promise.all([
        import(this.file("trainer.js").href),
        import(this.file("task.js").href),
        this.fetched("countries.json").then((answer) => answer.json()),
      ]);
      Object.assign(this, { code, data });
      this.trainer = new Trainer();
      this.task = true;
    }
    if (this.loaded === start) return;
    if (start === "own" && !this.own) throw new Error("open a file with weights first, or start from others.");
    this.say("Loading weights …");
    const { Tokenizer } = this.code;
    if (start === "trained") await this.trainer.load(await (await this.fetched("countries.safetensors")).arrayBuffer());
    else if (start === "random") await this.trainer.loadRandom(this.data.config, 0);
    else {
      const { config } = await this.trainer.load(this.own.weights, this.own.config);
      if (!this.own.tokenizer && config.vocab !== this.data.config.vocab_size) {
        throw new Error("these weights need their tokenizer.json: open it together with them.");
      }
    }
    this.tokenizer = start === "own" && this.own.tokenizer ? Tokenizer.fromFile(this.own.tokenizer) : Tokenizer.ours(this.data.merges);
    const pair = ([, question, answer]) => this.code.encodePair(this.tokenizer, question, answer);
    const prose = (text) => this.code.encodeProse(this.tokenizer, text);
    this.rows = { asked: this.data.asked.map(pair), prose: spread(this.data.prose, 16).map(prose), replay: this.data.replay.map(prose) };
    this.heldOut = spread(this.data.held_out, ASKED);
    this.clear();
    this.loaded = start;
  }

  /** The model's answers, most likely token by most likely token. @returns {Promise<string[]>} */
  async answers(questions, most = 12) {
    const prompts = questions.map((question) => [this.tokenizer.end, ...this.tokenizer.encode(this.code.prompt(question))]);
    const ids = await this.trainer.ask(prompts, { most, end: this.tokenizer.end });
    return ids.map((some) => this.tokenizer.decode(some).trim());
  }

  /** The share of held-out questions that are answered right, letter by letter. */
  async match() {
    const said = await this.answers(this.heldOut.map(([, question]) => question));
    const share = this.heldOut.filter(([, , answer], i) => said[i] === answer).length / said.length;
    this.shares.push([this.done, share]);
    return share;
  }

  async remember() {
    this.prose.push([this.done, await this.trainer.loss(this.rows.prose)]);
  }

  async train() {
    await this.ready();
    const { steps, replay, lr, question } = this.state;
    this.running = true;
    this.enable();
    const [first] = await this.answers([question]);
    if (!this.shares.length) {
      await this.remember();
      await this.match();
    }
    const before = this.shares.at(-1)[1];
    this.say(`${percent(before)} of ${this.heldOut.length} held-out answers are right before these steps. Training …`);
    const last = this.done + steps;
    const [from, begun] = [this.done, performance.now()];
    while (this.done < last && !this.halted) {
      const job = { rows: this.rows.asked, replay: replay ? this.rows.replay : undefined, steps: 10, batch: BATCH, lr: Number(lr), seed: 0 };
      await this.trainer.train(job, ({ loss }) => {
        this.losses.push([++this.done, loss]);
        this.show();
      });
      await this.remember();
      if (this.done % 50 === 0 && this.done < last) await this.match();
    }
    const seconds = (performance.now() - begun) / 1000;
    const after = await this.match();
    const [then] = await this.answers([question]);
    const [old, now] = [this.prose[0][1], this.prose.at(-1)[1]];
    this.say(
      `${this.halted ? "Stopped: " : ""}${this.done - from} steps in ${seconds.toFixed(0)} s. Held-out answers right: ${percent(before)} before, ` +
        `${percent(after)} after. Loss on prose: ${old.toFixed(2)} at first, ${now.toFixed(2)} now. ` +
        `“${question}” was answered “${first}”, and is answered “${then}” now.`,
    );
  }

  async ask() {
    await this.ready();
    const { question } = this.state;
    const [answer] = await this.answers([question], 20);
    this.say(`After ${this.done} steps, “${question}” is answered: “${answer}”.`);
  }

  open() {
    const input = Object.assign(document.createElement("input"), { type: "file", multiple: true });
    input.addEventListener("change", () => this.act("read", [...input.files]));
    input.click();
  }

  /** Files as Hugging Face has them: weights, and with them config.json and tokenizer.json. */
  async read(files) {
    const json = async (name) => {
      const file = files.find((one) => one.name === name);
      return file && JSON.parse(await file.text());
    };
    const weights = files.find(({ name }) => name.endsWith(".safetensors"));
    if (!weights) throw new Error("none of the files ends in .safetensors.");
    this.own = {
      weights: await weights.arrayBuffer(),
      config: await json("config.json"),
      tokenizer: await json("tokenizer.json"),
    };
    /** @type {HTMLSelectElement} */ (this.form.elements.namedItem("start")).value = "own";
    this.loaded = "";
    await this.ready();
    this.say(`${weights.name} is loaded. Press Train, or ask.`);
  }

  async download() {
    const url = URL.createObjectURL(new Blob([await this.trainer.download()]));
    Object.assign(document.createElement("a"), { href: url, download: "finetuned.safetensors" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    this.say(`The weights after ${this.done} steps are saved as finetuned.safetensors.`);
  }

  rest() {
    this.halted = true;
    this.busy = this.running = false;
    this.forget();
    this.clear();
    super.rest();
    this.result.value = "Press Train: 1.8 MB are loaded, and a model is trained on this device.";
    this.enable();
  }

  /** Draws anew without an announcement. */
  show() {
    const { svg, text } = this.draw(this.state);
    this.stage.innerHTML = svg;
    this.stage.firstElementChild.setAttribute("role", "img");
    this.stage.firstElementChild.setAttribute("aria-label", text);
  }

  /** @param {import("./widget.js").State} state */
  draw({ start, steps, lr }) {
    const last = Math.max(this.done, steps);
    const x = (step) => (60 + (480 * step) / last).toFixed(1);
    const line = (points, name, y) => `<polyline class="${name}" points="${points.map(([step, value]) => `${x(step)},${y(value).toFixed(1)}`).join(" ")}"/>`;
    const share = (value) => 270 - 240 * value;
    const dots = this.shares.map(([step, value]) => `<circle class="f1" cx="${x(step)}" cy="${share(value)}" r="5"/>`).join("");
    const left = [0.01, 0.1, 1, 10].map((loss) => `<text x="54" y="${height(loss) + 4}" text-anchor="end">${loss}</text>`);
    const right = [0, 0.5, 1].map((value) => `<text x="546" y="${share(value) + 4}">${100 * value}%</text>`);
    const loss = this.losses.at(-1)?.[1];
    const now = loss === undefined ? "" : `step ${this.done}: loss ${loss.toPrecision(3)}`;
    const key = [["0", "loss, answers"], ["1", "held-out right"], ["2", "loss, prose"]]
      .map(([color, text], i) => `<path class="s${color}" d="M${70 + 165 * i},316h18"/><text x="${93 + 165 * i}" y="320">${text}</text>`);
    return {
      text: this.said || `${steps} steps from ${controls.start.options[start]}, learning rate ${lr}. Press Train.`,
      svg: `<svg viewBox="0 0 600 330"><path class="axis" d="M60,30V270H540V30"/>${left.join("")}${right.join("")}${key.join("")}
        <text x="60" y="20">nats</text><text x="300" y="20" text-anchor="middle">${escaped(now)}</text>
        <text x="60" y="292">0</text><text x="540" y="292" text-anchor="end">${last} steps</text>
        ${line(this.losses, "s0", height)}${line(this.prose, "s2", height)}${line(this.shares, "s1", share)}${dots}</svg>`,
    };
  }
}

customElements.define("widget-browser-finetuning", Finetuning);
