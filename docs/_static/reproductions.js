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
  const chosen = new Map();
  const apply = () => {
    for (const row of table.tBodies[0].rows) {
      row.hidden = [...chosen].some(([index, value]) => value && column(row, index) !== value);
    }
  };
  for (const [index, name] of [[0, "Book"], [4, "Verdict"]]) {
    const values = new Set([...table.tBodies[0].rows].map((row) => column(row, index)));
    const select = document.createElement("select");
    select.add(new Option("all", ""));
    for (const value of [...values].sort()) select.add(new Option(value));
    select.addEventListener("change", () => { chosen.set(index, select.value); apply(); });
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
