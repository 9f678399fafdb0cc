// A descriptor's params as Dataiku shows them: one below the other, headings by SEPARATOR, each shown by its condition.
"use strict";

let model = {};
let drawn = []; // {param, box}, in the descriptor's order

// The address holds which form and which saved settings: …#form=recipe&saved={"show_advanced":true}
function open() {
  const address = new URLSearchParams(location.hash.slice(1));
  const chosen = address.get("form") ?? Object.keys(FORMS)[0];
  draw(chosen, JSON.parse(address.get("saved") ?? "{}"));
}

function draw(chosen, saved) {
  const descriptor = FORMS[chosen];
  const defaults = descriptor.params.filter((it) => it.defaultValue !== undefined).map((it) => [it.name, it.defaultValue]);
  model = { ...structuredClone(Object.fromEntries(defaults)), ...saved };
  drawn = descriptor.params.map((param) => ({ param, box: param.type === "SEPARATOR" ? heading(param) : field(param) }));
  document.getElementById("form").replaceChildren(...drawn.map((it) => it.box));
  document.getElementById("title").textContent = descriptor.meta.label;
  document.getElementById("about").textContent = descriptor.meta.description;
  document.getElementById("forms").replaceChildren(...Object.keys(FORMS).map((name) => link(name, chosen)));
  refresh();
}

function link(name, chosen) {
  const made = element("a", { href: `#form=${encodeURIComponent(name)}` }, name);
  if (name === chosen) made.setAttribute("aria-current", "page");
  return made;
}

function heading(param) {
  // The description of a SEPARATOR may hold HTML.
  return element("div", { className: "heading" }, element("h2", {}, param.label), element("p", { innerHTML: param.description ?? "" }));
}

function field(param) {
  const input = INPUTS[param.type](param, model[param.name], (value) => { model[param.name] = value; refresh(); });
  const box = element(
    "div",
    { className: param.mandatory ? "field mandatory" : "field" },
    element("label", {}, param.label),
    element(
      "div",
      {},
      element("div", { className: "input" }, input),
      element("p", { className: "complaint" }),
      element("p", { className: "description" }, param.description ?? ""),
    ),
  );
  box.dataset.name = param.name;
  return box;
}

// What a condition hides keeps its place in the model.
function refresh() {
  for (const { param, box } of drawn) {
    box.hidden = !isShown(param);
    const complaint = box.querySelector(".complaint");
    if (complaint) complaint.textContent = complaintOn(param, box);
  }
  document.getElementById("received").textContent = JSON.stringify(model, null, 2);
}

function isShown(param) {
  if (param.visibilityCondition === undefined) return true;
  return Boolean(new Function("model", `"use strict"; return (${param.visibilityCondition});`)(model));
}

function complaintOn(param, box) {
  const value = model[param.name];
  const blank = value === undefined || value === null || value === "" || value.length === 0;
  if (param.mandatory && blank) return "Required.";
  return box.querySelector("input[type=number]")?.validationMessage ?? "";
}

addEventListener("hashchange", open);
open();
