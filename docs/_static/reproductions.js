/** Sorts the table of reproductions by a click on a heading, and filters it. The filters
    stand in the address after #, so that a choice can be linked. */

const table = document.querySelector("table.reproductions");
const rows = table ? [...table.tBodies[0].rows] : [];
const FILTERS = { book: ".reproductions-book", verdict: ".verdict", source: ".reproductions-source" };

const value = (row, name) => row.querySelector(FILTERS[name]).textContent;
const text = (row, index) => row.cells[index].textContent.trim();

function addSorting() {
  for (const [index, heading] of [...table.tHead.rows[0].cells].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort((a, b) => text(a, index).localeCompare(text(b, index), "en", { numeric: true }));
      table.tBodies[0].append(...(down ? rows.reverse() : rows));
    });
  }
}

function addFilters() {
  const box = document.createElement("p");
  box.className = "reproductions-filters";
  const said = document.createElement("output");
  const selects = Object.keys(FILTERS).map((name) => {
    const select = document.createElement("select");
    select.name = name;
    select.add(new Option("all", ""));
    for (const known of [...new Set(rows.map((row) => value(row, name)))].sort()) {
      select.add(new Option(known));
    }
    const label = document.createElement("label");
    label.append(`${name[0].toUpperCase()}${name.slice(1)} `, select);
    box.append(label, " ");
    return select;
  });
  const apply = () => {
    for (const row of rows) {
      row.hidden = selects.some(({ name, value: chosen }) => chosen && value(row, name) !== chosen);
    }
    said.value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
  };
  const fromAddress = () => {
    const chosen = new URLSearchParams(location.hash.slice(1));
    for (const select of selects) select.value = chosen.get(select.name) ?? "";
    apply();
  };
  box.addEventListener("change", () => {
    const chosen = selects.filter((select) => select.value).map((select) => [select.name, select.value]);
    history.replaceState(null, "", `#${new URLSearchParams(chosen)}`);
    apply();
  });
  addEventListener("hashchange", fromAddress);
  box.append(said);
  (table.closest(".table-wrapper") ?? table).before(box);
  fromAddress();
}

if (table) {
  addSorting();
  addFilters();
}
