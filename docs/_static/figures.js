// A figure opens large by a click, a tap or Enter; without this script its link leads to its code.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("figure.gallery-figure > a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const figure = link.closest("figure");
  const dialog = document.createElement("dialog");
  dialog.className = "figure-large";
  dialog.setAttribute("aria-label", "Figure");
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "Close" });
  const code = Object.assign(document.createElement("a"), { href: link.href, textContent: "The code that drew it" });
  const box = document.createElement("div");
  box.tabIndex = 0; // it scrolls where the figure is larger than the screen
  box.append(...link.cloneNode(true).querySelectorAll("picture")); // without what a film draws
  for (const image of box.querySelectorAll("img")) image.loading = "eager";
  const bar = document.createElement("p");
  bar.append(code, close);
  dialog.append(bar, box);
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog || target === close) dialog.close();
  });
  dialog.addEventListener("close", () => { dialog.remove(); link.focus({ preventScroll: true }); });
  figure.after(dialog);
  dialog.showModal();
});
