// Opens the search panel: "/" or Ctrl+K anywhere, the sidebar's box, or a link to the search page.
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
  const header = document.querySelector(".mobile-header .header-left");
  if (header) {
    const button = document.createElement("button");
    button.className = "search-button";
    button.setAttribute("aria-label", "Search");
    header.append(button);
  }
})();
