// "?" lists the keys; "[" and "]" lead to the page before and after. The search has its own.
(() => {
  const KEYS = {
    "/ or Ctrl K": "search",
    "[ and ]": "page before, page after",
    "?": "this list",
    Esc: "close what is open",
  };
  const typing = (element) =>
    element.isContentEditable || /^(input|select|textarea)$/i.test(element.tagName);
  function list() {
    const dialog = document.createElement("dialog");
    dialog.className = "keys";
    dialog.setAttribute("aria-label", "Keys");
    const terms = document.createElement("dl");
    for (const [key, meaning] of Object.entries(KEYS)) {
      const [term, said] = ["dt", "dd"].map((name) => document.createElement(name));
      term.textContent = key;
      said.textContent = meaning;
      terms.append(term, said);
    }
    const close = Object.assign(document.createElement("button"), { type: "button", textContent: "Close" });
    close.addEventListener("click", () => dialog.close());
    dialog.append(terms, close);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const rel = { "[": "prev", "]": "next" }[event.key];
    const link = rel && document.querySelector(`link[rel=${rel}]`);
    if (link) location.assign(link.href);
    else if (event.key === "?" && !document.querySelector("dialog[open]")) list();
  });
})();
