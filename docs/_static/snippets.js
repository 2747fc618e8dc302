// Filters the list of snippets by words of names, signatures and summaries.
const groups = [...document.querySelectorAll(".snippet-page")];
const first = document.querySelector("article section section");

if (first) {
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "search", placeholder: "softmax, cache, ..." });
  const said = document.createElement("output");
  label.className = "snippet-filter";
  label.append("Show names and summaries with ", box, " ", said);
  first.before(label);
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const group of groups) {
      let left = 0;
      for (const term of group.querySelectorAll("dt")) {
        const text = `${term.textContent} ${term.nextElementSibling.textContent}`.toLowerCase();
        const hidden = !words.every((word) => text.includes(word));
        term.hidden = term.nextElementSibling.hidden = hidden;
        left += !hidden;
      }
      group.hidden = !left;
      count += left;
    }
    for (const section of document.querySelectorAll("article section section")) {
      if (section.querySelector(".snippet-page")) section.hidden = !section.querySelector(".snippet-page:not([hidden])");
    }
    said.value = words.length ? `${count} found` : "";
  });
}
