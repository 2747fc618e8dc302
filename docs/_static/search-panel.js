// The search panel: a dialog that asks Pagefind while one types.
const root = new URL("../", import.meta.url);
const pagefind = await import(new URL("pagefind/pagefind.js", root));
await pagefind.options({
  excerptLength: 24,
  ranking: {
    pageLength: 0.2,
    termFrequency: 0.4,
    metaWeights: {
      title: 8, aliases: 10, names: 6, summary: 2, sources: 3, kind: 8, book: 4,
      full_names: 0.01, // they begin with the book, which is no word of the page
    },
  },
});
await pagefind.init();
const SHOWN = 8; // pages; Pagefind fetches a file for each
const SECTIONS = 2; // of a page
const FEW = 3; // answers, that others are added to

const element = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};

const dialog = element("dialog", { className: "search-panel", ariaLabel: "Search" });
const box = element("input", {
  type: "search",
  className: "search-box",
  placeholder: "A method, a name, a paper, an author, an arXiv number",
  ariaLabel: "Search",
  autocomplete: "off",
  spellcheck: false,
});
const list = element("div", { id: "search-results-list", role: "listbox", ariaLabel: "Pages" });
const said = element("p", { className: "search-said", role: "status" });
const choices = element("div", { className: "search-choices" });
box.setAttribute("role", "combobox");
box.setAttribute("aria-controls", list.id);
box.setAttribute("aria-autocomplete", "list");
box.setAttribute("aria-expanded", "false");
const close = element("button", { type: "button", textContent: "Esc", ariaLabel: "Close" });
const keys = element("p", { className: "search-keys" });
keys.innerHTML =
  "<span><kbd>↑</kbd> <kbd>↓</kbd> choose</span><span><kbd>Enter</kbd> open</span>" +
  "<span><kbd>&quot;…&quot;</kbd> these words in this order</span>";
dialog.append(
  element("div", { className: "search-head" }, box, close),
  choices, said, list, keys,
);
document.body.append(dialog);

// A choice of one kind or book, with all of them as its first.
function choice(name, label, values) {
  const all = element("option", { value: "", textContent: label });
  const select = element("select", { ariaLabel: name }, all);
  for (const value of Object.keys(values)) {
    select.append(element("option", { value, textContent: value }));
  }
  select.addEventListener("change", () => ask());
  choices.append(select);
  return select;
}
const found = await pagefind.filters();
const filters = {
  kind: choice("Kind", "Every kind", found.kind ?? {}),
  book: choice("Book", "Every book", found.book ?? {}),
};

function option(url, className, ...children) {
  const made = element("a", { href: url, className, tabIndex: -1 }, ...children);
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", "false");
  return made;
}

const marked = (className, html) => element("span", { className, innerHTML: html });

// A page, what it says of itself or where the words stand, and its sections that have them.
// Excerpts are marked by Pagefind in escaped text; what a page says of itself is plain.
function shown({ url, excerpt, meta, sub_results: parts }) {
  const place = [meta.kind, meta.book].filter(Boolean).join(" · ");
  const said = marked("search-excerpt", excerpt);
  if (meta.summary) said.textContent = meta.summary;
  const below = parts.filter((part) => part.url.includes("#") && part.title !== meta.title);
  return [
    option(
      url, "search-page",
      element("span", { className: "search-title", textContent: meta.title }),
      element("span", { className: "search-place", textContent: place }), said,
    ),
    ...below.slice(0, SECTIONS).map((part) =>
      option(
        part.url, "search-section",
        element("span", { className: "search-heading", textContent: part.title }),
        marked("search-excerpt", part.excerpt),
      )),
  ];
}

// Words as the index has them: a paper by its number, a function by its book and page.
// Readers paste "arXiv:2104.09864", or its DOI or address, and whole addresses of DOIs.
const indexed = (text) => text
  .replace(/\S*arxiv\S*?\s*(\d{4}\.\d{4,5})\S*/gi, "$1")
  .replace(/\S*doi\.org\//gi, "")
  .replace(/\bsnippets\.(?=\w)/g, "");

// The pages that answer, best first: those with all words, then, where they are few, those
// with most of them.
export async function answers(typed, chosen = {}) {
  const text = indexed(typed);
  const search = async (words) => (await pagefind.search(words, { filters: chosen })).results;
  const whole = await search(text);
  const words = text.split(/\s+/);
  if (whole.length >= FEW || words.length < 2 || text.includes('"')) return whole;
  const others = new Map();
  for (const results of await Promise.all(words.map(search))) {
    const best = results[0]?.score;
    for (const result of results) {
      const sum = (others.get(result.id)?.sum ?? 0) + 1 + result.score / best;
      others.set(result.id, { result, sum });
    }
  }
  for (const { id } of whole) others.delete(id);
  const rest = [...others.values()].sort((one, two) => two.sum - one.sum);
  return [...whole, ...rest.map(({ result }) => result)];
}

let asked = 0;
async function ask() {
  const turn = ++asked;
  const text = box.value.trim();
  const chosen = Object.fromEntries(
    Object.entries(filters).filter(([, select]) => select.value)
      .map(([name, select]) => [name, select.value]));
  const results = text ? await answers(text, chosen) : [];
  const pages = await Promise.all(results.slice(0, SHOWN).map((result) => result.data()));
  if (turn !== asked) return; // another letter has been typed since
  list.replaceChildren(...pages.flatMap(shown));
  [...list.children].forEach((item, number) => (item.id = `search-result-${number}`));
  box.setAttribute("aria-expanded", String(pages.length > 0));
  said.textContent = !text ? "" :
    results.length === 1 ? "1 page" : `${results.length || "No"} pages`;
  choose(pages.length ? 0 : -1);
}

let chosen = -1;
function choose(number) {
  list.children[chosen]?.setAttribute("aria-selected", "false");
  chosen = number;
  const item = list.children[number];
  item?.setAttribute("aria-selected", "true");
  item?.scrollIntoView({ block: "nearest" });
  if (item) box.setAttribute("aria-activedescendant", item.id);
  else box.removeAttribute("aria-activedescendant");
}

box.addEventListener("input", ask);
close.addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("[role=option]")) dialog.close();
});
dialog.addEventListener("keydown", (event) => {
  const last = list.children.length - 1;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.target !== box || last < 0 || event.isComposing) return;
  if (step) choose(Math.min(last, Math.max(0, chosen + step)));
  else if (event.key === "Enter") list.children[chosen].click();
  else return;
  event.preventDefault();
});

export function open(text = "") {
  if (!dialog.open) dialog.showModal();
  if (text) box.value = text;
  box.focus();
  if (text) box.setSelectionRange(text.length, text.length);
  else box.select();
  ask();
}
