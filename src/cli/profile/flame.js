"use strict";
// Zooming by a click, searching by Ctrl-F or the word at the top. Every frame is a nested <svg> with its place in data-x and data-w,
// in parts of the whole, and its depth in data-d.
const frames = Array.from(document.querySelectorAll("svg.f"));
const search = document.getElementById("search");
const reset = document.getElementById("reset");
const told = document.getElementById("told");
const number = (frame, name) => Number(frame.dataset[name]);

function zoom(target) {
  const x = target ? number(target, "x") : 0;
  const w = target ? number(target, "w") : 1;
  const depth = target ? number(target, "d") : 0;
  const slack = 1e-9;
  for (const frame of frames) {
    const fx = number(frame, "x"), fw = number(frame, "w");
    const below = number(frame, "d") < depth;
    const seen = below ? fx <= x + slack && fx + fw >= x + w - slack : fx >= x - slack && fx + fw <= x + w + slack;
    frame.style.display = seen ? "" : "none";
    if (!seen) continue;
    frame.setAttribute("x", below ? "0" : 100 * (fx - x) / w + "%");
    frame.setAttribute("width", below ? "100%" : 100 * fw / w + "%");
    frame.style.opacity = below ? 0.5 : "";
  }
  reset.style.display = target && w < 1 ? "" : "none";
}

function find() {
  const wanted = prompt("Search for functions (regular expression):", "");
  if (wanted === null) return;
  let pattern;
  try { pattern = wanted && new RegExp(wanted); } catch (problem) { alert(problem.message); return; }
  const spans = [];
  for (const frame of frames) {
    const found = pattern && pattern.test(frame.querySelector("text").textContent);
    frame.classList.toggle("found", Boolean(found));
    if (found) spans.push([number(frame, "x"), number(frame, "x") + number(frame, "w")]);
  }
  spans.sort((a, b) => a[0] - b[0]);
  let sum = 0, end = 0;
  for (const [from, to] of spans) {
    if (to > end) { sum += to - Math.max(from, end); end = to; }
  }
  told.textContent = pattern ? "found in " + (100 * sum).toFixed(1) + " %" : "";
}

for (const frame of frames) {
  frame.addEventListener("click", () => zoom(frame));
  frame.addEventListener("mouseover", () => { told.textContent = frame.querySelector("title").textContent; });
}
reset.addEventListener("click", () => zoom(null));
search.addEventListener("click", find);
window.addEventListener("keydown", (event) => {
  if (event.key === "Escape") zoom(null);
  if ((event.ctrlKey || event.metaKey) && event.key === "f") { event.preventDefault(); find(); }
});
