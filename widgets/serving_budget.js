// The budget of one iteration. The reader chooses a model, a device and a format, sets the requests, what
// each has in its cache and a chunk of a prompt, and sees times, memory, tokens per second and their price.
import { DEVICES, LAUNCH, MBU, MFU, MODELS, bytesPerToken, choice, matrixParameters, parameters } from "./published.js";
import { Widget } from "./widget.js";

export const controls = {
  model: choice("model", MODELS, "Llama 3 8B"),
  device: choice("device", DEVICES, "H100"),
  format: { label: "numbers of", options: { bf16: "16 bits", fp8: "8 bits (FP8)", int4: "4 bits, weights only" }, value: "bf16" },
  requests: { label: "requests that are decoded", min: 0, max: 10, step: 0.25, value: 4 },
  context: { label: "cached tokens of each", min: 100, max: 16000, step: 100, value: 1000 },
  chunk: { label: "tokens of a new prompt", min: 0, max: 2048, step: 64, value: 0 },
  price: { label: "price of a device in an hour", min: 0.5, max: 10, step: 0.5, value: 3 },
};

const UNPACKED_ROWS = 64;

/**
 * @typedef {{model: object, device: object, fp8: boolean, weight_bytes: number, cache_itemsize: number, unpacking: number}} Server
 * @typedef {{decoded: number, prefilled: number, context: number, pairs: number}} Work
 */

/** One device, with numbers of 16 or 8 bits, or weights of 4 bits but in the head. @returns {Server} */
export function server(model, device, format) {
  const head = (model.vocab * model.d_model) / matrixParameters(model);
  const packed = (4.25 / 8) * (1 - head) + 2 * head;
  const formats = { bf16: [2, 2, 0], fp8: [1, 1, 0], int4: [packed, 2, 2 * (1 - head)] };
  const [weight_bytes, cache_itemsize, unpacking] = formats[format];
  return { model, device, fp8: format === "fp8", weight_bytes, cache_itemsize, unpacking };
}

/** Tokens whose keys and values fit beside the weights. @param {Server} server @returns {number} */
export function slots({ model, device, weight_bytes, cache_itemsize }) {
  return Math.floor((device.memory - parameters(model) * weight_bytes) / bytesPerToken(model, cache_itemsize));
}

/** What an iteration has to do for requests, and for the first tokens of a prompt. @returns {Work} */
export function work(requests, context, chunk) {
  const read = requests * context;
  return { decoded: requests, prefilled: chunk, context: read + chunk, pairs: read + (chunk * (chunk + 1)) / 2 };
}

/** Seconds of arithmetic, memory and launches, each alone. @param {Server} server @param {Work} work */
export function costs(server, { decoded, prefilled, context, pairs }) {
  const { model, device } = server;
  const weights = matrixParameters(model);
  const tokens = prefilled + decoded;
  const products = 2 * weights * tokens + 4 * model.layers * model.heads * model.head_dim * pairs;
  const unpacked = server.unpacking * weights * Math.ceil(tokens / UNPACKED_ROWS);
  const arithmetic = products / (server.fp8 ? device.fp8_peak : device.peak) + unpacked / device.general_peak;
  const read = weights * server.weight_bytes + bytesPerToken(model, server.cache_itemsize) * context;
  return { arithmetic: arithmetic / MFU, memory: read / device.bandwidth / MBU, launch: model.layers * LAUNCH };
}

/** Seconds of an iteration: arithmetic hides behind reading, or the reverse. @returns {number} */
export function seconds(server, work) {
  const { arithmetic, memory, launch } = costs(server, work);
  return Math.max(arithmetic, memory) + launch;
}

const whole = (value) => Math.round(value).toLocaleString("en");

class Budget extends Widget {
  format(name, value) {
    if (name === "requests") return whole(2 ** value);
    return name === "price" ? `$${value.toFixed(2)}` : value.toLocaleString("en");
  }

  draw({ model, device, format, requests, context, chunk, price }) {
    const made = server(MODELS[model], DEVICES[device], format);
    const count = Math.round(2 ** requests);
    const todo = work(count, context, chunk);
    const parts = costs(made, todo);
    const total = seconds(made, todo);
    const rate = count / total;
    const weights = parameters(made.model) * made.weight_bytes;
    const caches = bytesPerToken(made.model, made.cache_itemsize) * todo.context;
    const all = Math.max(made.device.memory, weights + caches);
    const milliseconds = (value) => `${(1000 * value).toFixed(value < 0.01 ? 2 : 1)} ms`;
    const begin = { memory: 0, arithmetic: 0, launch: total - parts.launch };
    const names = { memory: "reading memory", arithmetic: "arithmetic", launch: "launch, after both" };
    const rows = Object.keys(begin).map(
      (name, i) => `<text x="20" y="${24 + 58 * i}">${names[name]}: ${milliseconds(parts[name])}</text>
        <rect class="f${i}" x="${20 + (560 * begin[name]) / total}" y="${32 + 58 * i}" width="${(560 * parts[name]) / total}" height="20"/>`,
    );
    const fits = todo.context <= slots(made);
    const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;
    return {
      text: fits
        ? `An iteration takes ${milliseconds(total)}, so each request gets ${whole(1 / total)} tokens per second, all together ` +
          `${whole(rate)}, and a million tokens cost $${((price / 3600 / rate) * 1e6).toFixed(2)}.`
        : `Weights of ${gigabytes(weights)} and caches of ${gigabytes(caches)} do not fit into ${gigabytes(made.device.memory)}.`,
      svg: `<svg viewBox="0 0 600 338">${rows.join("")}
        <text x="20" y="208">weights ${gigabytes(weights)}, then caches ${gigabytes(caches)}, of ${gigabytes(made.device.memory)}</text>
        <rect class="f0" x="20" y="216" width="${(560 * weights) / all}" height="20"/>
        <rect class="f3" x="${20 + (560 * weights) / all}" y="216" width="${(560 * caches) / all}" height="20"/>
        <rect class="axis" style="stroke-width: 2" x="20" y="216" width="${(560 * made.device.memory) / all}" height="20"/>
        <text x="20" y="276">${fits ? `${whole(1 / total)} tokens per second for each request` : "too much: lower the requests or their tokens"}</text>
        <text x="20" y="308">${fits ? `${whole(rate)} for all ${count === 1 ? "(one request)" : `${count} requests`}` : ""}</text></svg>`,
    };
  }
}

customElements.define("widget-serving-budget", Budget);
