// Opens the search panel: "/" or Ctrl+K anywhere, the sidebar's box, or a link to the search page;
// on the page of lost readers, with the words of the address that they came by.
// The panel and the index are loaded then. Opened from disk, Sphinx's own search answers instead.
(() => {
  if (location.protocol === "file:") return;
  const address = new URL("search-panel.js", document.currentScript.src);
  // Has the focus while the panel loads, so that what is typed meanwhile is kept.
  const early = document.createElement("input");
  early.className = "search-early";
  early.setAttribute("aria-label", "Search");
  async function start(text = "") {
    if (early.isConnected) return; // the panel is being loaded
    const before = document.activeElement;
    document.body.append(early);
    early.value = text;
    early.focus({ preventScroll: true });
    try {
      const { open } = await import(address);
      before.focus({ preventScroll: true }); // it has the focus again when the panel closes
      open(early.value);
    } finally {
      early.remove();
    }
  }
  // An address as it was meant; bytes in it that are no text are left out.
  const decoded = (path) =>
    path.replace(/(%[0-9a-f]{2})+/gi, (bytes) => {
      try {
        return decodeURIComponent(bytes);
      } catch {
        return " ";
      }
    });
  const typing = (element) =>
    element.isContentEditable || /^(input|select|textarea)$/i.test(element.tagName);

  document.addEventListener("keydown", (event) => {
    const slash = event.key === "/" && !typing(event.target);
    const letter = event.key === "k" && (event.ctrlKey || event.metaKey);
    if (event.altKey || !(slash || letter)) return;
    event.preventDefault();
    event.stopPropagation(); // Sphinx would give the focus to the sidebar's box
    start();
  }, true);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href$="search.html"]');
    const box = event.target.closest?.(".sidebar-search, .search-button");
    if (!link && !box || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    start();
  });
  const box = document.querySelector(".sidebar-search");
  if (box) {
    box.setAttribute("aria-keyshortcuts", "/");
    box.addEventListener("input", () => {
      start(box.value);
      box.value = "";
    });
  }
  const lost = document.querySelector(".search-lost");
  if (lost) {
    const words = decoded(location.pathname).replace(/\.html$/, "").split(/[^\p{L}\p{N}]+/u);
    lost.elements.q.value = words.filter((word) => word && word !== "404").join(" ");
    lost.addEventListener("submit", (event) => {
      event.preventDefault();
      start(lost.elements.q.value);
    });
  }
  const header = document.querySelector(".mobile-header .header-left");
  if (header) {
    const button = document.createElement("button");
    button.className = "search-button";
    button.setAttribute("aria-label", "Search");
    header.append(button);
  }
})();
