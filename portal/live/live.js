// Of `make live`: shows over the page what is wrong with the last build, and reloads the
// page when a build has changed the site.
(() => {
  const { version } = document.currentScript.dataset;
  let known = "[]";

  const element = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  function show(problems) {
    document.querySelector(".live-problems")?.remove();
    if (!problems.length) return;
    const hide = element("button", { type: "button" }, "Hide");
    const title = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const list = element("ol", { tabindex: "0", "aria-label": title });
    for (const { place, message } of problems) {
      list.append(element("li", {}, element("b", {}, place), element("pre", {}, message)));
    }
    const banner = element(
      "section", { class: "live-problems", role: "alert" },
      element("p", {}, element("strong", {}, title), " in the last build ", hide), list);
    hide.addEventListener("click", () => banner.remove());
    document.body.prepend(banner);
  }

  async function look() {
    try {
      const answer = await fetch("/_live/state", { cache: "no-store" });
      const state = await answer.json();
      if (state.version !== version) return location.reload();
      const told = JSON.stringify(state.problems);
      if (told !== known) show(state.problems);
      known = told;
    } catch {
      // the server has been stopped; it may come back
    }
    setTimeout(look, 1000);
  }
  look();
})();
