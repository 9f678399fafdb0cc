// What a person does with the page and sees on it, for tests: fill(name, value) through the inputs, and look().
"use strict";

function fill(name, value) {
  const box = document.querySelector(`#form > [data-name="${name}"]`);
  if (!box?.checkVisibility()) throw new Error(`${name} is not shown, so nobody can fill it in`);
  enter(box.querySelector(".input").firstElementChild, value);
}

function enter(input, value) {
  if (input.type === "checkbox") {
    if (input.checked !== value) input.click();
  } else if (input.className === "many") {
    for (const box of input.querySelectorAll("input")) if (box.checked !== value.includes(box.value)) box.click();
  } else if (input.className === "list") {
    for (const it of value) addTo(input, it);
  } else {
    write(input, value);
  }
}

function addTo(box, value) {
  box.querySelector(":scope > .add").click();
  const entered = [...box.querySelectorAll(":scope > .entry")].at(-1).firstElementChild;
  if (entered.className !== "object") return write(entered, value);
  for (const [name, text] of Object.entries(value)) enter(entered.querySelector(`[data-name="${name}"]`).lastElementChild, text);
}

function write(input, value) {
  input.value = value ?? "";
  if (input.value !== String(value ?? "")) throw new Error(`${value} cannot be chosen or typed`);
  input.dispatchEvent(new Event(input.tagName === "SELECT" ? "change" : "input", { bubbles: true }));
}

function read(input) {
  if (input.type === "checkbox") return input.checked;
  if (input.type === "number") return input.value === "" ? null : input.valueAsNumber;
  if (input.className === "many") return [...input.querySelectorAll("input:checked")].map((it) => it.value);
  if (input.className === "list") return [...input.querySelectorAll(":scope > .entry")].map((it) => readEntry(it.firstElementChild));
  return input.value;
}

function readEntry(entered) {
  if (entered.className !== "object") return read(entered);
  return Object.fromEntries([...entered.children].map((it) => [it.dataset.name, read(it.lastElementChild)]));
}

// Every shown field below the last heading that is shown, as an eye would sort them.
function look() {
  const headings = [];
  const fields = [];
  for (const { param, box } of drawn.filter((it) => it.box.checkVisibility())) {
    if (param.type === "SEPARATOR") {
      headings.push({ label: param.label, lines: linesOf(box.querySelector("p")) });
    } else {
      fields.push({
        name: param.name,
        heading: headings.at(-1)?.label ?? null,
        value: read(box.querySelector(".input").firstElementChild),
        lines: linesOf(box.querySelector(".description")),
        complaint: box.querySelector(".complaint").textContent,
      });
    }
  }
  return { headings, fields, model };
}

function linesOf(text) {
  return Math.round(text.getBoundingClientRect().height / parseFloat(getComputedStyle(text).lineHeight));
}

// For a picture: leaves the sections with these headings on the page, none: all, and says where they are.
function cut(labels) {
  let inside = labels.length === 0;
  for (const { param, box } of drawn.filter((it) => it.box.checkVisibility())) {
    if (param.type === "SEPARATOR" && labels.length > 0) inside = labels.includes(param.label);
    box.hidden = !inside;
  }
  const { left, top, height } = document.getElementById("form").getBoundingClientRect();
  return { x: left - 16, y: top + scrollY, width: 838, height: height + 16 };
}
