// Where the numbers of a tensor go. The reader chooses an operation and the shape, moves the cells from
// where they were to where they go, and picks an element of the result: its sources are framed in the
// grid and in the storage below.
import { Widget } from "./widget.js";

export const controls = {
  operation: {
    label: "operation",
    options: {
      transpose: "x.T",
      reshape: "x.reshape(columns, rows)",
      slice: "x[:, ::2]",
      expand: "x[:1].expand(rows, columns)",
      flip: "x.flip(0)",
      gather: "x[[rows − 1, 0, 0]]",
      matmul: "x @ x.T",
      sum: "x.sum(1), or einsum ij->i",
      softmax: "x.softmax(1)",
    },
    value: "transpose",
  },
  rows: { label: "rows", min: 1, max: 5, step: 1, value: 3 },
  columns: { label: "columns", min: 1, max: 5, step: 1, value: 4 },
  numbers: { label: "numbers in x, row by row", maxlength: 100, value: "0 1 2 3 4 5 6 7 8 9 10 11" },
  moved: { label: "moved", min: 0, max: 1, step: 0.02, value: 1 },
  element: { label: "element of the result", min: 0, max: 24, step: 1, value: 1 },
};

/** The numbers from 0 to n − 1. @param {number} n @returns {number[]} */
const range = (n) => Array.from({ length: n }, (_, i) => i);

/**
 * What an operation makes of a tensor that lies in the storage row by row.
 * @param {string} operation
 * @param {number} rows
 * @param {number} columns
 * @returns {{shape: number[], strides: number[] | null, sources: number[][]}} Strides of a view, null of
 *   a copy; for each element of the result in reading order, its places in the storage.
 */
export function result(operation, rows, columns) {
  const at = (i, j) => columns * i + j;
  const view = (shape, strides) => ({
    shape,
    strides,
    sources: range(shape[0]).flatMap((i) => range(shape[1]).map((j) => [strides[0] * i + strides[1] * j])),
  });
  const copy = (shape, source) => ({
    shape,
    strides: null,
    sources: range(shape[0]).flatMap((i) => range(shape[1] ?? 1).map((j) => source(i, j))),
  });
  const row = (i) => range(columns).map((j) => at(i, j));
  switch (operation) {
    case "transpose":
      return view([columns, rows], [1, columns]);
    case "reshape":
      return view([columns, rows], [rows, 1]);
    case "slice":
      return view([rows, Math.ceil(columns / 2)], [columns, 2]);
    case "expand":
      return view([rows, columns], [0, 1]);
    case "flip":
      return copy([rows, columns], (i, j) => [at(rows - 1 - i, j)]);
    case "gather":
      return copy([3, columns], (i, j) => [at([rows - 1, 0, 0][i], j)]);
    case "matmul":
      return copy([rows, rows], (i, j) => [...new Set([...row(i), ...row(j)])].sort((a, b) => a - b));
    case "sum":
      return copy([rows], row);
    default:
      return copy([rows, columns], row);
  }
}

/**
 * The numbers of a result.
 * @param {string} operation
 * @param {number[][]} x
 * @returns {number[]} In reading order.
 */
export function values(operation, x) {
  const [rows, columns] = [x.length, x[0].length];
  const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);
  if (operation === "matmul") return x.flatMap((a) => x.map((b) => dot(a, b)));
  if (operation === "sum") return x.map((row) => row.reduce((sum, value) => sum + value));
  if (operation === "softmax") {
    return x.flatMap((row) => {
      const weights = row.map((value) => Math.exp(value - Math.max(...row)));
      return weights.map((weight) => weight / weights.reduce((sum, other) => sum + other));
    });
  }
  return result(operation, rows, columns).sources.map(([place]) => x.flat()[place]);
}

/** Two digits, for a cell. @param {number} value @returns {string} */
const short = (value) => String(Number(value.toPrecision(2))).replace(/^(-?)0\./, "$1.").replace("+", "");

const SIZE = 36;

class Tensors extends Widget {
  format(name, value) {
    return name === "moved" ? `${Math.round(100 * value)} %` : String(value);
  }

  draw({ operation, rows, columns, numbers, moved, element }) {
    const typed = numbers.split(/[\s,;]+/).filter((word) => word !== "" && Number.isFinite(Number(word)));
    const stored = range(rows * columns).map((place) => Number(typed[place % (typed.length || 1)] ?? 0));
    const made = values(operation, range(rows).map((i) => stored.slice(columns * i, columns * (i + 1))));
    const { shape, strides, sources } = result(operation, rows, columns);
    const count = sources.length;
    const chosen = Math.min(element, count - 1);
    const width = shape[1] ?? 1;
    const left = (place) => [30 + SIZE * (place % columns), 40 + SIZE * Math.floor(place / columns)];
    const right = (place) => [370 + SIZE * (place % width), 40 + SIZE * Math.floor(place / width)];
    /** @param {number[]} corner @param {string | number} text @param {string} kind @param {boolean} faded */
    const cell = ([x, y], text, kind, faded) =>
      `<rect class="${kind}" x="${x}" y="${y}" width="${SIZE - 4}" height="${SIZE - 4}" opacity="${faded ? 0.25 : 0.5}"/>
       <text x="${x + SIZE / 2 - 2}" y="${y + SIZE / 2 + 3}" text-anchor="middle">${text}</text>`;
    /** @param {number[]} corner */
    const frame = ([x, y]) =>
      `<rect class="axis" style="stroke-width: 3" x="${x}" y="${y}" width="${SIZE - 4}" height="${SIZE - 4}"/>`;
    const kind = (place) => `f${Math.floor(place / columns) % 4}`;
    const single = sources.every((from) => from.length === 1);
    const grid = range(rows * columns).map((place) => cell(left(place), short(stored[place]), kind(place), single));
    const goes = sources.map((from, place) => {
      const [ends, begins] = [right(place), left(from[0])];
      const now = single ? ends.map((end, side) => begins[side] + (end - begins[side]) * moved) : ends;
      return cell(now, short(made[place]), single ? kind(from[0]) : "f0", false);
    });
    const storage = (place) => [30 + 22 * place, 270];
    const ribbon = range(rows * columns).map((place) => {
      const [x, y] = storage(place);
      const framed = sources[chosen].includes(place);
      return `<rect class="${kind(place)}" x="${x}" y="${y}" width="20" height="20" opacity="0.5"/>
        ${framed ? `<rect class="axis" style="stroke-width: 3" x="${x}" y="${y}" width="20" height="20"/>` : ""}`;
    });
    const index = width === 1 && shape.length === 1 ? `${chosen}` : `${Math.floor(chosen / width)}, ${chosen % width}`;
    const from = sources[chosen];
    const places = from.length === 1 ? `place ${from[0]}` : `places ${from.join(", ")}`;
    const kindOf = strides
      ? `a view with strides (${strides.join(", ")}), no number moves in the storage`
      : "a copy with a storage of its own";
    return {
      text: `The result has shape (${shape.join(", ")}${shape.length === 1 ? "," : ""}): ${kindOf}. Element [${index}] is ${Number(made[chosen].toPrecision(4))}, from ${places} of x's storage.`,
      svg: `<svg viewBox="0 0 600 330"><text x="30" y="26">x</text><text x="370" y="26">result</text>
        ${grid.join("")}${goes.join("")}${from.map((place) => frame(left(place))).join("")}${frame(right(chosen))}
        <text x="30" y="258">storage of x</text>${ribbon.join("")}</svg>`,
    };
  }
}

customElements.define("widget-tensors", Tensors);
