// Trains away from the page, which stays responsive. Each message asks for one thing, and the answer
// carries its id; trainer.js sends them. Between two updates all messages that came in are heard.
import { configOf } from "./neox.js";
import { Engine, generator, sample } from "./engine.js";
import { read } from "./safetensors.js";

const REPLAYED = 0.25; // share of a batch that is replayed, if anything is

/** @type {Engine} */
let engine;
/** @type {(() => number) | null} */
let draw = null; // which rows are next; goes on from one run to the next
let run = 0; // the run that may go on

const pause = () => new Promise((resolve) => setTimeout(resolve));

/** Ends a run, and forgets where it was. */
function anew() {
  run += 1;
  draw = null;
}

const tasks = {
  /** @param {{weights: ArrayBuffer, settings?: object}} message */
  load({ weights, settings }) {
    const { metadata, tensors } = read(weights);
    const config = configOf(settings ?? metadata, tensors);
    anew();
    engine.load(config, tensors);
    return { config, parameters: engine.initial.length };
  },

  /** @param {{settings: object, seed: number}} message */
  loadRandom({ settings, seed }) {
    const config = configOf(settings);
    anew();
    engine.loadRandom(config, seed);
    return { config, parameters: engine.initial.length };
  },

  /**
   * @param {{rows: import("./engine.js").Row[], replay?: import("./engine.js").Row[], steps: number,
   *   batch: number, lr: number, seed: number}} message
   * @param {(news: object) => void} report
   */
  async train({ rows, replay = [], steps, batch, lr, seed }, report) {
    const again = replay.length ? Math.round(batch * REPLAYED) : 0;
    if (rows.length < batch - again || replay.length < again) {
      throw new Error(`A batch takes ${batch - again} of ${rows.length} rows, and replays ${again} of ${replay.length}.`);
    }
    const mine = (run += 1);
    draw ??= generator(seed);
    for (let i = 0; i < steps; i++) {
      await pause();
      if (run !== mine) return { step: engine.updates, stopped: true };
      const groups = [sample(rows, batch - again, draw)];
      if (again) groups.push(sample(replay, again, draw));
      const begin = performance.now();
      const loss = engine.step(groups, { lr });
      report({ step: engine.updates, loss, ms: performance.now() - begin });
    }
    return { step: engine.updates, stopped: false };
  },

  stop() {
    run += 1;
  },

  reset() {
    anew();
    engine.reset();
  },

  ask: ({ prompts, most, end }) => engine.answer(prompts, { most, end }),
  loss: ({ rows }) => engine.loss(rows),
  download: () => engine.download(),
};

const ready = fetch(new URL(`gpt.wasm${self.location.search}`, import.meta.url)).then(async (response) => {
  if (!response.ok) throw new Error(`gpt.wasm: ${response.status} ${response.statusText}`);
  engine = await Engine.create(await response.arrayBuffer());
});

self.onmessage = async ({ data: { id, task, ...message } }) => {
  try {
    await ready;
    const result = await tasks[task](message, (news) => self.postMessage({ id, news }));
    self.postMessage({ id, result });
  } catch (problem) {
    self.postMessage({ id, problem: problem.message });
  }
};
