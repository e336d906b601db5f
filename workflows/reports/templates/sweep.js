
for (const section of document.querySelectorAll(".sheet")) {
  const table = section.querySelector("table.cells");
  if (!table) continue;
  const columns = JSON.parse(table.dataset.columns);
  const below = JSON.parse(table.dataset.below);
  const selects = [...section.querySelectorAll("select")];
  const buttons = [...section.querySelectorAll(".legend button")];
  const output = section.querySelector("output");
  const meanings = Object.fromEntries(buttons.map((each) => [each.dataset.letter, each.dataset.what]));
  const rows = [...table.tBodies[0].rows].map((row) => {
    const cells = [...row.cells];
    return { row, values: cells.slice(0, below.length).map((each) => each.textContent.trim()), cells: cells.slice(below.length) };
  });
  const letter = (cell) => cell.textContent.trim().split(/[! ]/)[0];
  const fits = (values, wanted) => wanted.every((one, n) => !one || values[n] === one);
  const tell = ({ values, cells }, cell) => {
    table.querySelector("td.on")?.classList.remove("on");
    cell.classList.add("on");
    const told = [...values, ...columns[cells.indexOf(cell)]].map((value, n) => `${selects[n].dataset.axis}=${value}`);
    const bad = cell.textContent.includes("!") ? " – this cell is not as expected" : "";
    output.textContent = `${told.join(", ")}: ${meanings[letter(cell)]}${bad}`;
  };
  const apply = () => {
    const wanted = selects.map((each) => each.value);
    const pressed = buttons.find((each) => each.getAttribute("aria-pressed") === "true")?.dataset.letter;
    const shown = columns.map((values) => fits(values, wanted.slice(below.length)));
    let count = 0;
    let last;
    for (const each of rows) {
      const { row, values, cells } = each;
      const on = cells.map((cell, n) => shown[n] && cell.textContent.trim() !== "" && (!pressed || letter(cell) === pressed));
      cells.forEach((cell, n) => cell.classList.toggle("off", !on[n]));
      row.hidden = !fits(values, wanted.slice(0, below.length)) || !on.some(Boolean);
      if (row.hidden) continue;
      count += on.filter(Boolean).length;
      last = [each, cells[on.indexOf(true)]];
    }
    if (count === 1) tell(...last);
    else output.textContent = `${count.toLocaleString("en")} cells shown. Choose one to read its values.`;
  };
  table.tBodies[0].addEventListener("click", (event) => {
    const cell = event.target.closest("td");
    const found = cell && rows.find(({ cells }) => cells.includes(cell));
    if (found && cell.textContent.trim()) tell(found, cell);
  });
  for (const button of buttons) {
    button.disabled = false;
    button.addEventListener("click", () => {
      const was = button.getAttribute("aria-pressed") === "true";
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button && !was));
      apply();
    });
  }
  for (const select of selects) select.addEventListener("change", apply);
  section.querySelector(".filters").hidden = false;
}
