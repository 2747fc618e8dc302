// Published models and devices, from which calculators let a reader choose.

const FIELDS = ["layers", "d_model", "heads", "kv_heads", "head_dim", "d_ff", "vocab"];
const SIZES = {
  "OPT-13B": [40, 5120, 40, 40, 128, 20480, 50272],
  "Llama 2 7B": [32, 4096, 32, 32, 128, 11008, 32000],
  "Llama 2 13B": [40, 5120, 40, 40, 128, 13824, 32000],
  "Llama 2 70B": [80, 8192, 64, 8, 128, 28672, 32000],
  "Llama 3 8B": [32, 4096, 32, 8, 128, 14336, 128256],
  "Mistral 7B": [32, 4096, 32, 8, 128, 14336, 32000],
  "Falcon 7B": [32, 4544, 71, 1, 64, 18176, 65024],
};
const OTHERS = {
  "OPT-13B": { gated: false, biases: true, tied: true, positions: 2050 },
  "Falcon 7B": { gated: false, tied: true },
};

/**
 * @typedef {{layers: number, d_model: number, heads: number, kv_heads: number, head_dim: number, d_ff: number,
 *   vocab: number, positions: number, gated: boolean, biases: boolean, tied: boolean}} Decoder
 */

/** @type {Record<string, Decoder>} */
export const MODELS = Object.fromEntries(
  Object.entries(SIZES).map(([name, sizes]) => [
    name,
    {
      ...Object.fromEntries(FIELDS.map((field, i) => [field, sizes[i]])),
      ...{ positions: 0, gated: true, biases: false, tied: false, ...OTHERS[name] },
    },
  ]),
);

/** Operations and bytes per second, and bytes that weights and caches may fill: nine tenths of the memory. */
export const DEVICES = {
  A100: { peak: 312e12, fp8_peak: 312e12, general_peak: 19.5e12, bandwidth: 2.04e12, memory: 72e9 },
  H100: { peak: 989e12, fp8_peak: 1979e12, general_peak: 67e12, bandwidth: 3.35e12, memory: 72e9 },
};

/** Shares of the peaks and of the bandwidth that a pass reaches, and seconds per layer for launches. */
export const [MFU, MBU, LAUNCH] = [0.5, 0.8, 10e-6];

/** A control to choose one of these by its name. @param {string} label @param {object} named */
export function choice(label, named, value) {
  return { label, options: Object.fromEntries(Object.keys(named).map((name) => [name, name])), value };
}

/** Numbers in the matrices, the head included. @param {Decoder} model @returns {number} */
export function matrixParameters(model) {
  const heads = 2 * model.d_model * (model.heads + model.kv_heads) * model.head_dim;
  const network = (model.gated ? 3 : 2) * model.d_model * model.d_ff;
  return model.layers * (heads + network) + model.vocab * model.d_model;
}

/** All trained numbers: matrices, tables, norms and biases. @param {Decoder} model @returns {number} */
export function parameters(model) {
  const norms = 2 * model.layers + 1;
  let total = matrixParameters(model) + (model.positions + (model.tied ? 0 : model.vocab) + norms) * model.d_model;
  if (model.biases) {
    const attention = (model.heads + 2 * model.kv_heads) * model.head_dim + model.d_model;
    total += model.layers * (attention + (model.gated ? 2 : 1) * model.d_ff + model.d_model) + norms * model.d_model;
  }
  return total;
}

/** Bytes of keys and values that a token leaves. @param {Decoder} model @param {number} itemsize */
export function bytesPerToken(model, itemsize) {
  return 2 * model.layers * model.kv_heads * model.head_dim * itemsize;
}
