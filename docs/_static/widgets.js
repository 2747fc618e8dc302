// Brings widgets and films to life when they come near the screen, or at once where the address
// names a state of theirs. From disk no module loads: there animations move as the pictures that
// they are, unless motion is to be reduced.
if (location.protocol === "file:") {
  document.documentElement.classList.add("no-modules");
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
    for (const image of document.querySelectorAll("img[data-film]")) image.src = image.dataset.film;
  }
} else {
  const load = (part) => import(new URL(part.dataset.module, location));
  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      load(target);
    }
  }, { rootMargin: "50%" });
  for (const part of document.querySelectorAll("[data-module]")) {
    const named = location.hash.startsWith(`#${part.localName.replace("widget-", "")}?`);
    if (named) load(part);
    else near.observe(part);
  }
}
