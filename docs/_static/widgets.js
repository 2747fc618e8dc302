// Brings widgets and films to life when they come near the screen. From disk no module loads: there
// animations move as the pictures that they are, unless motion is to be reduced.
if (location.protocol === "file:") {
  document.documentElement.classList.add("no-modules");
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
    for (const image of document.querySelectorAll("img[data-film]")) image.src = image.dataset.film;
  }
} else {
  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      import(new URL(target.dataset.module, location));
    }
  }, { rootMargin: "50%" });
  for (const part of document.querySelectorAll("[data-module]")) near.observe(part);
}
