// A film of the frames of an animation. The reader plays and pauses it, steps through it, drags a
// slider, and chooses a speed. Until then the figure is its last frame; the file of all frames is
// loaded on first use. Where motion is to be reduced, nothing plays by itself, as elsewhere.

/**
 * @typedef {object} Patch One frame: a picture that replaces a rectangle of the one before.
 * @property {number} x @property {number} y Left and top edge, in pixels.
 * @property {number} width @property {number} height
 * @property {number} delay How long the frame is shown, in seconds.
 * @property {Uint8Array<ArrayBuffer>} png The picture, as a PNG file.
 */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** @param {Uint8Array} bytes @returns {number} The check sum of PNG and ZIP. */
export function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** @param {string} type @param {Uint8Array} data @returns {Uint8Array} One chunk of a PNG file. */
function chunk(type, data) {
  const made = new Uint8Array(12 + data.length);
  const view = new DataView(made.buffer);
  view.setUint32(0, data.length);
  made.set([...type].map((letter) => letter.charCodeAt(0)), 4);
  made.set(data, 8);
  view.setUint32(8 + data.length, crc32(made.subarray(4, 8 + data.length)));
  return made;
}

/** @param {Iterable<Uint8Array>} parts @returns {Uint8Array<ArrayBuffer>} All of them, one after the other. */
function join(parts) {
  const all = [...parts];
  const made = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}

/**
 * The frames of an animated PNG.
 * @param {ArrayBuffer} file
 * @returns {Patch[]}
 */
export function patches(file) {
  const view = new DataView(file);
  const made = [];
  const shared = []; // chunks that each frame needs, such as a palette
  let header = new Uint8Array(0);
  for (let at = 8; at < file.byteLength; at += 12 + view.getUint32(at)) {
    const type = String.fromCharCode(...new Uint8Array(file, at + 4, 4));
    const data = new Uint8Array(file, at + 8, view.getUint32(at));
    if (type === "IHDR") header = data;
    else if (type === "fcTL") {
      const place = (offset) => view.getUint32(at + 8 + offset);
      if (data[24] || data[25]) throw new Error("frames must replace their rectangle, and stay");
      const delay = view.getUint16(at + 28) / (view.getUint16(at + 30) || 100);
      made.push({ width: place(4), height: place(8), x: place(12), y: place(16), delay, data: [] });
    } else if (type === "IDAT") made[made.length - 1]?.data.push(data);
    else if (type === "fdAT") made[made.length - 1].data.push(data.subarray(4));
    else if (!made.length && type !== "acTL") shared.push(chunk(type, data));
  }
  return made.map(({ data, ...frame }) => {
    const own = header.slice();
    new DataView(own.buffer).setUint32(0, frame.width);
    new DataView(own.buffer).setUint32(4, frame.height);
    const parts = [Uint8Array.from(SIGNATURE), chunk("IHDR", own), ...shared];
    const png = join([...parts, chunk("IDAT", join(data)), chunk("IEND", new Uint8Array(0))]);
    return { ...frame, png };
  });
}

const SPEEDS = [0.25, 0.5, 1, 2];

class Film extends HTMLElement {
  connectedCallback() {
    this.figure = this.closest("figure");
    this.images = /** @type {HTMLImageElement[]} */ ([...this.figure.querySelectorAll("img[data-film]")]);
    this.count = Number(this.images[0].dataset.frames);
    this.place = this.count - 1;
    this.innerHTML = `
      <button type="button" data-act="play">Play</button>
      <button type="button" data-act="back" aria-label="Previous frame">◂</button>
      <button type="button" data-act="on" aria-label="Next frame">▸</button>
      <input type="range" min="1" max="${this.count}" value="${this.count}" aria-label="Frame">
      <output>${this.count} of ${this.count}</output>
      <select aria-label="Speed"></select>`;
    this.button = this.querySelector("button");
    this.slider = this.querySelector("input");
    this.output = this.querySelector("output");
    this.speed = this.querySelector("select");
    /** @type {HTMLCanvasElement | undefined} */
    this.canvas = undefined;
    for (const times of SPEEDS) this.speed.add(new Option(`${times}×`, String(times), times === 1, times === 1));
    this.addEventListener("click", ({ target }) => {
      const { act } = /** @type {HTMLElement} */ (target).dataset;
      if (act === "play") this.timer ? this.pause() : this.play();
      else if (act) this.go(this.place + (act === "on" ? 1 : -1));
    });
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value) - 1));
    const again = () => this.canvas && !this.timer && this.show(this.place); // in the other theme
    new MutationObserver(again).observe(document.body, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  }

  /** Loads the frames of the theme that is shown, once, and puts a canvas in place of the still. */
  async load() {
    const image = this.images.find((one) => getComputedStyle(one.parentElement).display !== "none");
    if (image === this.shown) return;
    this.shown = image;
    const file = await (await fetch(image.dataset.film)).arrayBuffer();
    const found = patches(file);
    this.frames = await Promise.all(
      found.map(async (frame) => ({ ...frame, bitmap: await createImageBitmap(new Blob([frame.png])) })),
    );
    this.canvas ??= document.createElement("canvas");
    Object.assign(this.canvas, { width: found[0].width, height: found[0].height });
    this.canvas.className = image.className;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", image.alt);
    this.canvas.style.width = `${image.getAttribute("width")}px`;
    image.parentElement.after(this.canvas);
  }

  /** Pauses and shows a frame. */
  async go(place) {
    this.pause();
    await this.show(place);
  }

  async show(place) {
    await this.load();
    const last = this.frames.length - 1;
    this.place = Math.max(0, Math.min(last, place));
    const pen = this.canvas.getContext("2d");
    for (const { x, y, width, height, bitmap } of this.frames.slice(0, this.place + 1)) {
      pen.clearRect(x, y, width, height);
      pen.drawImage(bitmap, x, y);
    }
    this.figure.classList.add("film-shown");
    this.slider.max = String(last + 1);
    this.slider.value = String(this.place + 1);
    this.output.value = `${this.place + 1} of ${last + 1}`;
  }

  async play() {
    this.button.textContent = "Pause";
    this.timer = -1;
    if (this.place === Number(this.slider.max) - 1) this.place = -1;
    const next = async () => {
      await this.show(this.place + 1);
      if (!this.timer) return;
      if (this.place === this.frames.length - 1) return this.pause();
      this.timer = setTimeout(next, (1000 * this.frames[this.place].delay) / Number(this.speed.value));
    };
    await next();
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.button.textContent = "Play";
  }
}

customElements.define("widget-film", Film);
