// What a GPT-NeoX model consists of: its settings, in the words of config.json of transformers, and the
// names and shapes of its weights.
import { count } from "./safetensors.js";

/**
 * @typedef {{vocab: number, width: number, layers: number, heads: number, rotated: number, ff: number,
 *   context: number, isTied: boolean, isParallel: boolean, eps: number, base: number}} Config
 */

const EMBED = "gpt_neox.embed_in.weight";
const UNEMBED = "embed_out.weight";

/**
 * @param {Record<string, any>} settings Of config.json; or the metadata of the file, whose values are texts.
 * @param {Map<string, {shape: number[]}>} tensors They tell sizes that the settings leave out.
 * @returns {Config}
 */
export function configOf(settings, tensors = new Map()) {
  const given = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, parsed(value)]));
  const rope = given.rope_parameters ?? {};
  const shape = (name) => {
    if (tensors.has(name)) return tensors.get(name).shape;
    throw new Error(`The file holds no GPT-NeoX model: ${name} is missing.`);
  };
  const heads = given.num_attention_heads;
  if (!heads) throw new Error("The file of the weights does not say how many heads there are: config.json is needed too.");
  for (const [key, known] of Object.entries({ model_type: "gpt_neox", hidden_act: "gelu", attention_bias: true })) {
    if ((given[key] ?? known) !== known) throw new Error(`${key} is ${given[key]}; known is ${known} alone.`);
  }
  if ((rope.rope_type ?? "default") !== "default" || given.rope_scaling) throw new Error("Scaled rotary positions are not known.");
  const { vocab_size: vocab = shape(EMBED)[0], hidden_size: width = shape(EMBED)[1] } = given;
  if (width % heads) throw new Error(`A width of ${width} cannot be shared by ${heads} heads.`);
  const rotated = Math.trunc((width / heads) * (given.rotary_pct ?? rope.partial_rotary_factor ?? 0.25));
  if (rotated % 2) throw new Error(`${rotated} rotated features of each head cannot be paired.`);
  return {
    vocab,
    width,
    layers: given.num_hidden_layers ?? [...tensors.keys()].filter((name) => name.endsWith(".input_layernorm.weight")).length,
    heads,
    rotated,
    ff: given.intermediate_size ?? shape("gpt_neox.layers.0.mlp.dense_h_to_4h.weight")[0],
    context: given.max_position_embeddings ?? 2048,
    isTied: given.tie_word_embeddings ?? !tensors.has(UNEMBED),
    isParallel: given.use_parallel_residual ?? true,
    eps: given.layer_norm_eps ?? 1e-5,
    base: given.rotary_emb_base ?? rope.rope_theta ?? 10000,
  };
}

/** A text as the value that it writes, if it writes one. */
function parsed(value) {
  try {
    return typeof value === "string" ? JSON.parse(value) : value;
  } catch {
    return value;
  }
}

/** The settings as the metadata of a file. @param {Config} config @returns {Record<string, string>} */
export function metadataOf(config) {
  const settings = {
    vocab_size: config.vocab,
    hidden_size: config.width,
    num_hidden_layers: config.layers,
    intermediate_size: config.ff,
    num_attention_heads: config.heads,
    rotary_pct: config.rotated / (config.width / config.heads),
    rotary_emb_base: config.base,
    max_position_embeddings: config.context,
    layer_norm_eps: config.eps,
    use_parallel_residual: config.isParallel,
    tie_word_embeddings: config.isTied,
  };
  const texts = Object.entries(settings).map(([key, value]) => [key, String(value)]);
  return { format: "pt", ...Object.fromEntries(texts) };
}

/**
 * Names and shapes of all weights, in the order in which gpt.c lays them out.
 * @param {Config} config
 * @returns {[string, number[]][]}
 */
export function shapesOf({ vocab, width, layers, ff, isTied }) {
  const shapes = /** @type {[string, number[]][]} */ ([[EMBED, [vocab, width]]]);
  /** @param {string} name @param {number[]} shape */
  const affine = (name, ...shape) => shapes.push([`${name}.weight`, shape], [`${name}.bias`, shape.slice(0, 1)]);
  for (let i = 0; i < layers; i++) {
    affine(`gpt_neox.layers.${i}.input_layernorm`, width);
    affine(`gpt_neox.layers.${i}.post_attention_layernorm`, width);
    affine(`gpt_neox.layers.${i}.attention.query_key_value`, 3 * width, width);
    affine(`gpt_neox.layers.${i}.attention.dense`, width, width);
    affine(`gpt_neox.layers.${i}.mlp.dense_h_to_4h`, ff, width);
    affine(`gpt_neox.layers.${i}.mlp.dense_4h_to_h`, width, ff);
  }
  affine("gpt_neox.final_layer_norm", width);
  if (!isTied) shapes.push([UNEMBED, [vocab, width]]);
  return shapes;
}

/** @param {Config} config @returns {number} How many parameters there are. */
export const parametersOf = (config) => shapesOf(config).reduce((sum, [, shape]) => sum + count(shape), 0);
