/** Sorts the table of reproductions by a click on a heading; filters by book, verdict. */

const table = document.querySelector("table.reproductions");

function column(row, index) {
  return row.cells[index].textContent.trim();
}

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
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => column(a, index).localeCompare(column(b, index), "en", { numeric: true }));
      table.tBodies[0].append(...(down ? rows.reverse() : rows));
    });
  }
}

function addFilters() {
  const box = document.createElement("p");
  box.className = "reproductions-filters";
  const rows = [...table.tBodies[0].rows];
  const chosen = new Map();
  const shown = (row, place) => row.querySelector(place).textContent;
  const apply = () => {
    for (const row of rows) {
      row.hidden = [...chosen].some(([place, value]) => value && shown(row, place) !== value);
    }
  };
  for (const [place, name] of [[".reproductions-book", "Book"], [".verdict", "Verdict"]]) {
    const values = new Set(rows.map((row) => shown(row, place)));
    const select = document.createElement("select");
    select.add(new Option("all", ""));
    for (const value of [...values].sort()) select.add(new Option(value));
    select.addEventListener("change", () => { chosen.set(place, select.value); apply(); });
    const label = document.createElement("label");
    label.append(`${name} `, select);
    box.append(label, " ");
  }
  (table.closest(".table-wrapper") ?? table).before(box);
}

if (table) {
  addSorting();
  addFilters();
}
