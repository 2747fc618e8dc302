// Opens the search panel: "/" or Ctrl+K anywhere, the sidebar's box, or a link to the search page;
// on the page of lost readers, with the words of the address that they came by.
// The panel and the index are loaded then. Opened from disk, Sphinx's own search answers instead.
(() => {
  if (location.protocol === "file:") return;
  const address = new URL("search-panel.js", document.currentScript.src);
  const start = (text = "") =>
    import(address).then(({ open }) => open(text));
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
    const words = decodeURI(location.pathname).replace(/\.html$/, "").split(/[^\p{L}\p{N}]+/u);
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
