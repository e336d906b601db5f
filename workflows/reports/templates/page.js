"use strict";
// Conveniences only: without them every step and every picture stands open to be read.
const themes = document.getElementById("themes");
themes.hidden = false;
themes.addEventListener("change", (event) => { document.documentElement.dataset.theme = event.target.value; });
