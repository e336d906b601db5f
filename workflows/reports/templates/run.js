
for (const section of document.querySelectorAll(".graphs")) {
  const figures = [...section.querySelectorAll("figure")];
  const slider = section.querySelector(".slider");
  const range = slider.querySelector("input");
  const output = slider.querySelector("output");
  const show = () => {
    for (const figure of figures) figure.hidden = figure.dataset.step !== range.value;
    const name = figures[range.value - 1].dataset.name;
    output.textContent = `${range.value} of ${figures.length}: ${name}`;
    range.setAttribute("aria-valuetext", output.textContent);
    for (const button of slider.querySelectorAll("button"))
      button.disabled = Number(button.dataset.by) < 0 ? range.value === range.min : range.value === range.max;
  };
  slider.addEventListener("click", (event) => {
    const by = event.target.closest("button")?.dataset.by;
    if (by) { range.value = Number(range.value) + Number(by); show(); }
  });
  range.addEventListener("input", show);
  slider.hidden = figures.length < 2;
  section.classList.toggle("slides", !slider.hidden);
  show();
}
