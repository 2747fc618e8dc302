// A preview of what a link leads to: a page, a section, a source, an equation, a figure, a claim.
// It is read from the site's own pages, so there is none on a site that is opened from disk.
// A click on the sign of a permanent link also copies it.
(() => {
  const WAIT = 350; // milliseconds
  const pages = new Map();
  let card, timer, owner;

  async function load(address) {
    if (address === location.href.split("#")[0]) return document;
    if (!pages.has(address)) {
      const answer = fetch(address).then((found) => (found.ok ? found.text() : ""));
      pages.set(address, answer.then((text) => new DOMParser().parseFromString(text, "text/html")));
    }
    return pages.get(address);
  }

  function shown(page, id) {
    const target = id ? page.getElementById(decodeURIComponent(id)) : page.querySelector("article section");
    const whole = target?.closest("div.math-wrapper, figure, div.claim, div.citation, dt, table, details");
    if (whole) return [whole];
    const section = target?.closest("section") ?? target;
    const first = section?.querySelector(":scope > p, :scope > div.page-facts ~ p");
    return [section?.querySelector("h1, h2, h3"), section?.querySelector(":scope > .page-facts"), first];
  }

  function hide() {
    clearTimeout(timer);
    card?.remove();
    card = owner = undefined;
  }

  async function show(link) {
    const [address, id] = link.href.split("#");
    const page = await load(address).catch(() => undefined);
    if (!page || owner !== link) return;
    const parts = shown(page, id).filter(Boolean).map((part) => document.importNode(part, true));
    if (!parts.length) return;
    card = document.createElement("div");
    card.className = "link-card";
    card.setAttribute("role", "tooltip");
    card.append(...parts);
    for (const part of card.querySelectorAll("[id], [href], [src], [srcset]")) {
      part.removeAttribute("id");
      for (const name of ["href", "src", "srcset"]) {
        const value = part.getAttribute(name);
        if (value) part.setAttribute(name, new URL(value, address).href);
      }
    }
    for (const sign of card.querySelectorAll(".headerlink, .eqno a, script, button")) sign.remove();
    document.body.append(card);
    const place = link.getClientRects()[0];
    const below = place.bottom + card.offsetHeight + 12 < innerHeight || place.top < card.offsetHeight + 12;
    const left = Math.min(place.left, document.documentElement.clientWidth - card.offsetWidth - 12);
    card.style.left = `${scrollX + Math.max(12, left)}px`;
    card.style.top = `${scrollY + (below ? place.bottom + 6 : place.top - card.offsetHeight - 6)}px`;
    card.addEventListener("pointerleave", hide);
  }

  function begin({ target }) {
    const link = target.closest?.("article :not(.evidence) > p a.internal:not(.headerlink, .square, .download)");
    if (!link || link === owner || location.protocol === "file:") return;
    hide();
    owner = link;
    link.removeAttribute("title"); // the browser's own preview
    timer = setTimeout(show, WAIT, link);
  }
  function end({ relatedTarget }) {
    if (owner && !card?.contains(relatedTarget)) setTimeout(() => card?.matches(":hover") || hide(), 150);
  }

  if (matchMedia("(hover: hover)").matches) {
    document.addEventListener("pointerover", begin);
    document.addEventListener("pointerout", (event) => event.target.closest?.("a") === owner && end(event));
  }
  document.addEventListener("focusin", begin);
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  document.addEventListener("click", ({ target }) => {
    hide();
    const sign = target.closest?.("a.headerlink");
    if (!sign) return;
    navigator.clipboard?.writeText(sign.href);
    sign.dataset.said = "copied";
    setTimeout(() => delete sign.dataset.said, 1500);
  });
})();
