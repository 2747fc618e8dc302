// What was read, and where one was, in this browser alone: one entry of its local storage, which
// the reader clears on the front page. Pages that were read to their end have a sign in the sidebar.
(() => {
  const KEY = "runnable-ml";
  const root = new URL(document.documentElement.dataset.content_root, location);
  const name = location.href.split("#")[0].replace(root.href, "");
  const restore = () => {
    try {
      return { read: [], ...JSON.parse(localStorage.getItem(KEY)) };
    } catch {
      return { read: [] };
    }
  };
  const keep = (change) => {
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...restore(), ...change }));
    } catch { /* there is no storage: nothing is kept */ }
  };
  const end = document.querySelector("section.evidence-details");
  if (end) {
    const title = document.querySelector("h1").firstChild.textContent;
    keep({ last: { name, title } });
    new IntersectionObserver((seen) => {
      if (seen.some((part) => part.isIntersecting)) keep({ read: [...new Set([...restore().read, name])] });
    }).observe(end);
    const section = () => {
      const passed = [...document.querySelectorAll("article section[id]:not(.evidence-details)")]
        .filter((part) => part.getBoundingClientRect().top < innerHeight / 3);
      keep({ last: { name, title, section: passed.at(-1)?.id } });
    };
    addEventListener("scrollend", section);
  }
  const { read, last } = restore();
  for (const link of document.querySelectorAll(".sidebar-tree a.reference")) {
    if (read.includes(link.href.replace(root.href, ""))) link.classList.add("was-read");
  }
  const words = document.querySelector(".hero-words");
  if (words && last) {
    const line = document.createElement("p");
    const link = document.createElement("a");
    link.href = new URL(last.section ? `${last.name}#${last.section}` : last.name, root);
    link.textContent = `Continue with ${last.title}`;
    const forget = Object.assign(document.createElement("button"), { type: "button", textContent: "forget" });
    forget.title = "Clears what this browser keeps about your reading";
    forget.addEventListener("click", () => { localStorage.removeItem(KEY); line.remove(); });
    line.className = "continue";
    line.append(link, `. Read to the end: ${read.length}. `, forget);
    words.append(line);
  }
})();
