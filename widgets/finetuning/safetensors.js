// Files of weights in the format safetensors: eight bytes that say how long the header is, the header
// in JSON, and the numbers, https://huggingface.co/docs/safetensors.

/** @typedef {{dtype: string, shape: number[], bytes: ArrayBuffer}} Tensor */

const WIDTHS = { F32: 4, F16: 2, BF16: 2 };

/**
 * @param {ArrayBuffer} file
 * @returns {{metadata: Record<string, string>, tensors: Map<string, Tensor>}}
 */
export function read(file) {
  if (file.byteLength < 8) throw new Error(`A safetensors file has at least 8 bytes, not ${file.byteLength}.`);
  const size = Number(new DataView(file).getBigUint64(0, true));
  if (size > file.byteLength - 8) throw new Error("This is no safetensors file, or a part of one: its header does not fit.");
  const { __metadata__: metadata = {}, ...entries } = header(new Uint8Array(file, 8, size));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries)) {
    const [from, to] = data_offsets.map((offset) => offset + 8 + size);
    if (!(from <= to && to <= file.byteLength)) throw new Error(`${name} ends beyond the file, which is cut off.`);
    tensors.set(name, { dtype, shape, bytes: file.slice(from, to) });
  }
  return { metadata, tensors };
}

/** @param {Uint8Array} bytes */
function header(bytes) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Error("This is no safetensors file: its header is not JSON.");
  }
}

/** @param {number[]} shape */
export const count = (shape) => shape.reduce((product, side) => product * side, 1);

/** @param {string} name @param {Tensor} tensor @returns {Float32Array} */
export function toFloats(name, { dtype, shape, bytes }) {
  const width = WIDTHS[dtype];
  if (!width) throw new Error(`${name} is ${dtype}; known are ${Object.keys(WIDTHS).join(", ")}.`);
  if (bytes.byteLength !== width * count(shape)) {
    throw new Error(`${name} has ${bytes.byteLength} bytes, not ${width} for each of ${shape.join(" x ")}.`);
  }
  if (dtype === "F32") return new Float32Array(bytes);
  const halves = new Uint16Array(bytes);
  if (dtype === "F16") return Float32Array.from(halves, half);
  return new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);
}

/** The number that 16 bits stand for. @param {number} bits */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
}

/**
 * A file of tensors in F32.
 * @param {[string, number[]][]} shapes Names and shapes, in the order of the values.
 * @param {Float32Array} values
 * @param {Record<string, string>} metadata
 * @returns {ArrayBuffer}
 */
export function write(shapes, values, metadata) {
  let end = 0;
  const entry = (shape) => ({ dtype: "F32", shape, data_offsets: [end, (end += 4 * count(shape))] });
  const entries = Object.fromEntries(shapes.map(([name, shape]) => [name, entry(shape)]));
  const text = JSON.stringify({ __metadata__: metadata, ...entries });
  const head = new TextEncoder().encode(text + " ".repeat(-text.length & 7)); // so that numbers are aligned
  const file = new Uint8Array(8 + head.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  file.set(new Uint8Array(values.buffer, values.byteOffset, end), 8 + head.length);
  return file.buffer;
}
