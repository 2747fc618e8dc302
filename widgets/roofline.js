// The roofline of a layer. The reader sets the rows of a matrix product (a batch in decode, a prompt in
// prefill), its width and the machine, and sees whether it waits for arithmetic or for memory.
import { Widget } from "./widget.js";

export const controls = {
  rows: { label: "rows", min: 0, max: 13, step: 0.25, value: 0 },
  width: { label: "width of the layer", min: 256, max: 16384, step: 256, value: 4096 },
  itemsize: { label: "numbers of", options: { 2: "16 bits", 1: "8 bits" }, value: "2" },
  peak: { label: "peak, in TFLOP/s", min: 50, max: 2500, step: 2, value: 312 },
  bandwidth: { label: "bandwidth, in TB/s", min: 0.1, max: 8, step: 0.005, value: 2.04 },
};

/** Operations, and bytes moved, of rows times a square weight. @returns {{operations: number, moved: number}} */
export function linearCost(rows, dIn, dOut, itemsize) {
  return { operations: 2 * rows * dIn * dOut, moved: itemsize * (dIn * dOut + rows * (dIn + dOut)) };
}

/** Operations per second at most. @returns {number} */
export function attainable(peak, bandwidth, intensity) {
  return Math.min(bandwidth * intensity, peak);
}

class Roofline extends Widget {
  /** The batch moves along the roof: the rows at which the product does so many operations per byte. */
  dragged(_part, x) {
    const { width, itemsize } = this.state;
    const moved = Number(itemsize) * 10 ** ((5 * (x - 70)) / 510 - 1);
    const rows = moved < width ? (moved * width) / (2 * (width - moved)) : Infinity;
    return { rows: Math.log2(Math.min(Math.max(rows, 1), 2 ** 13)) };
  }

  format(name, value) {
    if (name === "rows") return Math.round(2 ** value).toLocaleString("en");
    return name === "bandwidth" ? value.toFixed(2) : value.toLocaleString("en");
  }

  draw({ rows, width, itemsize, peak, bandwidth }) {
    const count = Math.round(2 ** rows);
    const { operations, moved } = linearCost(count, width, width, Number(itemsize));
    const [top, stream] = [peak * 1e12, bandwidth * 1e12];
    const intensity = operations / moved;
    const ridge = top / stream;
    const reached = attainable(top, stream, intensity);
    const seconds = operations / reached;
    const x = (value) => 70 + (510 * (Math.log10(value) + 1)) / 5;
    const y = (value) => 285 - (250 * (Math.log10(value) - 10)) / 6;
    const ticks = [0.1, 1, 10, 100, 1000, 10000]
      .map((value) => `<text x="${x(value)}" y="303" text-anchor="middle">${value.toLocaleString("en")}</text>`)
      .join("");
    const levels = [1e10, 1e12, 1e14, 1e16]
      .map((value) => `<text x="62" y="${y(value) + 4}" text-anchor="end">${value / 1e12}</text>`)
      .join("");
    return {
      text:
        `${count.toLocaleString("en")} ${count === 1 ? "row does" : "rows do"} ${intensity.toFixed(1)} operations per byte; the ridge is at ` +
        `${ridge.toFixed(0)}. The product waits for ${intensity < ridge ? "memory" : "arithmetic"}, takes at least ` +
        `${(1e6 * seconds).toPrecision(3)} µs, and reaches at most ${((100 * reached) / top).toFixed(1)} % of the peak.`,
      svg: `<svg viewBox="0 0 600 345"><path class="axis" d="M70,35V285H580"/>${ticks}${levels}
        <polyline class="s0" points="${x(0.1)},${y(0.1 * stream)} ${x(ridge)},${y(top)} ${x(10000)},${y(top)}"/>
        <path class="axis" stroke-dasharray="4 3" d="M${x(ridge)},285V${y(top)}"/>
        <circle class="f1" data-drag="batch" cx="${x(intensity)}" cy="${y(reached)}" r="8"/>
        <text x="325" y="334" text-anchor="middle">operations per byte</text>
        <text x="16" y="160" text-anchor="middle" transform="rotate(-90 16 160)">TFLOP/s</text></svg>`,
    };
  }
}

customElements.define("widget-roofline", Roofline);
