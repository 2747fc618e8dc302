// What all widgets share. Controls, which the page already holds, set a state. The widget draws it in
// the place of the figure, says the result, and keeps the state in the address, for a link to it.

/**
 * @typedef {Record<string, any>} State The value of each control: number, text or boolean.
 * @typedef {{svg: string, text: string}} Drawing What is drawn, and the result in words.
 * @typedef {HTMLInputElement | HTMLSelectElement} Field
 */

export class Widget extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.result = /** @type {HTMLOutputElement} */ (this.querySelector(".widget-result"));
    const image = this.querySelector("img");
    const [width, height] = ["width", "height"].map((side) => image.getAttribute(side));
    this.stage = document.createElement("div");
    this.stage.className = "widget-stage";
    this.stage.style.cssText = `max-width: ${width}px; aspect-ratio: ${width} / ${height}`;
    this.form.before(this.stage);
    this.form.addEventListener("input", () => this.update());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("reset", () => setTimeout(() => this.rest()));
    this.listenToPointer();
    this.restore();
  }

  /** @returns {Field[]} The controls that have a value. */
  get fields() {
    return /** @type {Field[]} */ ([...this.form.elements]).filter((field) => field.name);
  }

  /** @returns {State} */
  get state() {
    const value = (field) =>
      field.type === "checkbox" ? field.checked : field.type === "range" ? Number(field.value) : field.value;
    return Object.fromEntries(this.fields.map((field) => [field.name, value(field)]));
  }

  get name() {
    return this.localName.replace("widget-", "");
  }

  /** Sets the controls as the address says: ``#kv-capacity?context=4096``. */
  restore() {
    const [name, words] = location.hash.slice(1).split("?");
    if (name !== this.name || words === undefined) return this.rest();
    for (const [key, text] of new URLSearchParams(words)) {
      const field = /** @type {HTMLInputElement} */ (this.form.elements.namedItem(key));
      if (field?.type === "checkbox") field.checked = text === "true";
      else if (field) field.value = text;
    }
    this.update();
    this.scrollIntoView();
  }

  /** Shows the figure, as the page has it. */
  rest() {
    this.label();
    this.classList.remove("is-live");
    this.result.value = "Set something: a drawing takes the place of the figure, until you reset it.";
    clearTimeout(this.waiting);
    if (location.hash.startsWith(`#${this.name}?`)) history.replaceState(history.state, "", location.pathname);
  }

  /** Writes the value of each slider beside it. */
  label() {
    for (const field of this.fields) {
      const shown = field.parentElement.querySelector("span");
      if (shown) shown.textContent = this.format(field.name, Number(field.value));
    }
  }

  /** What the pointer drags is marked with ``data-drag`` in the drawing; ``dragged`` says what it sets. */
  listenToPointer() {
    let held;
    this.stage.addEventListener("pointerdown", (event) => {
      held = /** @type {Element} */ (event.target).closest("[data-drag]")?.getAttribute("data-drag");
      if (held) this.stage.setPointerCapture(event.pointerId);
    });
    this.stage.addEventListener("pointermove", ({ clientX, clientY }) => {
      if (!held) return;
      const svg = /** @type {SVGSVGElement} */ (this.stage.firstElementChild);
      const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
      for (const [name, value] of Object.entries(this.dragged(held, x, y))) {
        /** @type {Field} */ (this.form.elements.namedItem(name)).value = String(value);
      }
      this.update();
    });
    for (const end of ["pointerup", "pointercancel"]) this.stage.addEventListener(end, () => (held = undefined));
  }

  /**
   * The controls that a drag sets.
   * @param {string} _part What ``data-drag`` of the part says.
   * @param {number} _x Where the pointer is in the drawing. @param {number} _y
   * @returns {Record<string, number>}
   */
  dragged(_part, _x, _y) {
    return {};
  }

  /** @param {State} _state @returns {Drawing} */
  draw(_state) {
    throw new Error("a widget draws");
  }

  /** Draws what is set, says the result, and notes it in the address. */
  update() {
    this.label();
    const { svg, text } = this.draw(this.state);
    this.classList.add("is-live");
    this.stage.innerHTML = svg;
    this.stage.firstElementChild.setAttribute("role", "img");
    this.stage.firstElementChild.setAttribute("aria-label", text);
    this.result.value = text;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      history.replaceState(history.state, "", `#${this.name}?${new URLSearchParams(/** @type {any} */ (this.state))}`);
    }, 300);
  }

  /** How the value of a slider is written. @param {string} _name @param {number} value */
  format(_name, value) {
    return String(value);
  }
}
