// What all widgets share. Controls, which the page already holds, set a state. The widget draws it in
// the place of the figure, says the result, and keeps the state in the address, for a link to it.

/** @typedef {Record<string, number | string | boolean>} State */

export class Widget extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.result = this.querySelector(".widget-result");
    const image = this.querySelector("img");
    const [width, height] = ["width", "height"].map((side) => image.getAttribute(side));
    this.stage = document.createElement("div");
    this.stage.className = "widget-stage";
    this.stage.style.cssText = `max-width: ${width}px; aspect-ratio: ${width} / ${height}`;
    this.form.before(this.stage);
    this.form.addEventListener("input", () => this.update());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("reset", () => setTimeout(() => this.rest()));
    this.restore();
  }

  /** @returns {HTMLElement[]} The controls that have a value. */
  get fields() {
    return [...this.form.elements].filter((field) => field.name);
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
      const field = this.form.elements.namedItem(key);
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
      history.replaceState(history.state, "", `#${this.name}?${new URLSearchParams(this.state)}`);
    }, 300);
  }

  /** How the value of a slider is written. */
  format(name, value) {
    return String(value);
  }
}
