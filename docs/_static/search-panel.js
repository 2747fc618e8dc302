// The search panel: a dialog that asks Pagefind while one types.
const root = new URL("../", import.meta.url);
const pagefind = await import(new URL("pagefind/pagefind.js", root));
await pagefind.options({
  excerptLength: 24,
  ranking: {
    pageLength: 0.2,
    termFrequency: 0.4,
    metaWeights: {
      title: 8, aliases: 10, symptoms: 5, names: 6, summary: 2, sources: 3, kind: 8, book: 4,
      full_names: 0.01, // they begin with the book, which is no word of the page
    },
  },
});
await pagefind.init();
const SHOWN = 8; // pages; Pagefind fetches a file for each
const SECTIONS = 2; // of a page
const FEW = 3; // answers, that others are added to
const COMMON = new Set( // words of questions, which are on every page
  ("a all an and are be but by can do does for from get how i in is it my not of on or should " +
   "than that the to what when why with").split(" "));

const element = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};

const dialog = element("dialog", { className: "search-panel", ariaLabel: "Search" });
const box = element("input", {
  type: "search",
  className: "search-box",
  placeholder: "A method, a name, a paper, a message of an error",
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

// The first sentence of prose, not of code, that has a word that was found; else Pagefind's
// excerpt, which is marked in escaped text.
const PROSE = /^[(“"]?[\p{L}’'-]+[”".,;:!?)]*$/u;
const REACH = 20; // words before and after the one that was found
function passage(content, { excerpt, locations = [] }) {
  const words = content.split(/\s+/);
  for (const place of locations) {
    let from = place, to = place;
    while (from > 0 && place - from < REACH && !/[.!?:]$/.test(words[from - 1])) from--;
    while (to < words.length - 1 && to - place < REACH && !/[.!?]$/.test(words[to])) to++;
    const part = words.slice(from, to + 1);
    if (part.length > 4 && part.filter((word) => PROSE.test(word)).length > 0.7 * part.length) {
      const [before, after] = [part.slice(0, place - from), part.slice(place - from + 1)];
      const found = element("mark", { textContent: words[place] });
      return element("span", { className: "search-excerpt" },
        [...before, ""].join(" "), found, ["", ...after].join(" "));
    }
  }
  return element("span", { className: "search-excerpt", innerHTML: excerpt });
}

// A page, what it says of itself or where the words stand, and its sections that have them.
function shown({ url, content, meta, sub_results: parts, ...all }) {
  const place = [meta.kind, meta.book].filter(Boolean).join(" · ");
  const said = passage(content, all);
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
        element("span", { className: "search-heading" },
          element("span", { className: "search-of", textContent: `${meta.title} › ` }), part.title),
        passage(content, part),
      )),
  ];
}

// Words as the index has them: a paper by its number, a function by its book and page.
// Readers paste "arXiv:2104.09864", or its DOI or address, and whole addresses of DOIs.
const indexed = (text) => text
  .replace(/\S*arxiv\S*?\s*(\d{4}\.\d{4,5})\S*/gi, "$1")
  .replace(/\S*doi\.org\//gi, "")
  .replace(/\bsnippets\.(?=\w)/g, "");

// A question without the words that any question has.
const asking = (text) => {
  const words = text.split(/\s+/).filter((word) => !COMMON.has(word.toLowerCase()));
  return text.includes('"') || !words.length ? text : words.join(" ");
};

// The pages that answer, best first: those with all words, then, where they are few, those
// with most of them. ``certain`` of them have all words.
export async function answers(typed, chosen = {}) {
  const text = asking(indexed(typed));
  const search = async (words) => (await pagefind.search(words, { filters: chosen })).results;
  const whole = await search(text);
  const certain = whole.length;
  const words = text.split(/\s+/);
  if (certain >= FEW || words.length < 2 || text.includes('"')) return Object.assign(whole, { certain });
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
  return Object.assign([...whole, ...rest.map(({ result }) => result)], { certain });
}

// Sources are found by every author; they come after the pages that use them.
const isSource = (page) => page.meta.kind === "Reference";

let asked = 0;
async function ask() {
  const turn = ++asked;
  const text = box.value.trim();
  const chosen = Object.fromEntries(
    Object.entries(filters).filter(([, select]) => select.value)
      .map(([name, select]) => [name, select.value]));
  const slow = setTimeout(() => (said.textContent = "Searching ..."), 200);
  const results = text ? await answers(text, chosen) : [];
  const pages = await Promise.all(results.slice(0, SHOWN).map((result) => result.data()));
  clearTimeout(slow);
  if (turn !== asked) return; // another letter has been typed since
  pages.sort((one, two) => isSource(one) - isSource(two));
  list.replaceChildren(...pages.flatMap(shown));
  [...list.children].forEach((item, number) => (item.id = `search-result-${number}`));
  box.setAttribute("aria-expanded", String(pages.length > 0));
  const counted = results.certain === 1 ? "1 page" : `${results.certain || "No"} pages`;
  const some = results.certain < results.length;
  said.textContent = !text ? "" :
    !some ? counted :
    results.certain ? `${counted}, and others with some of these words` :
    "No page has all these words; these have some of them";
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
