// The input of each parameter type: a function (param, value, changed) → element; changed(value) tells the model.
"use strict";

const INPUTS = {
  STRING: (param, value, changed) => typed("input", { type: "text" }, value ?? "", changed),
  PASSWORD: (param, value, changed) => typed("input", { type: "password" }, value ?? "", changed),
  TEXTAREA: (param, value, changed) => typed("textarea", {}, value ?? "", changed),
  INT: (param, value, changed) => number(value, changed, { step: 1, min: param.minI, max: param.maxI }),
  DOUBLE: (param, value, changed) => number(value, changed, { step: "any", min: param.minD, max: param.maxD }),
  BOOLEAN: tick,
  SELECT: (param, value, changed) => oneOf(choicesOf(param), value, changed),
  MULTISELECT: (param, value, changed) => manyOf(choicesOf(param), value, changed),
  LLM: (param, value, changed) => oneOf(SAMPLE.llms, value, changed),
  COLUMN: (param, value, changed) => oneOf(named(SAMPLE.columns), value, changed),
  COLUMNS: (param, value, changed) => manyOf(named(SAMPLE.columns), value, changed),
  DATASET: (param, value, changed) => oneOf(named(SAMPLE.datasets), value, changed),
  MANAGED_FOLDER: (param, value, changed) => oneOf(named(SAMPLE.folders), value, changed),
  STRINGS: (param, value, changed) => list(value, changed, "", (text, entered) => INPUTS.STRING(param, text, entered)),
  OBJECT_LIST: (param, value, changed) => list(value, changed, {}, (object, entered) => subForm(param, object, entered)),
};

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function typed(tag, properties, value, changed) {
  const box = element(tag, { ...properties, value });
  box.addEventListener("input", () => changed(box.value));
  return box;
}

function number(value, changed, bounds) {
  const box = element("input", { type: "number", value: value ?? "" });
  for (const [name, bound] of Object.entries(bounds)) if (bound !== undefined) box.setAttribute(name, bound);
  box.addEventListener("input", () => changed(box.value === "" ? null : box.valueAsNumber));
  return box;
}

function tick(param, value, changed) {
  const box = element("input", { type: "checkbox", checked: value === true });
  box.addEventListener("change", () => changed(box.checked));
  return box;
}

// Choices made by Python are known to Dataiku alone.
function choicesOf(param) {
  return param.getChoicesFromPython ? SAMPLE.choices : param.selectChoices;
}

function named(values) {
  return values.map((value) => ({ value, label: value }));
}

function oneOf(choices, value, changed) {
  const options = [{ value: "", label: "Nothing selected" }, ...choices];
  const box = element("select", {}, ...options.map((it) => element("option", { value: it.value }, it.label)));
  box.value = value ?? "";
  box.addEventListener("change", () => changed(box.value));
  return box;
}

function manyOf(choices, value, changed) {
  const boxes = choices.map((it) => element("input", { type: "checkbox", value: it.value, checked: (value ?? []).includes(it.value) }));
  const box = element("div", { className: "many" }, ...boxes.map((it, at) => element("label", {}, it, choices[at].label)));
  box.addEventListener("change", () => changed(boxes.filter((it) => it.checked).map((it) => it.value)));
  return box;
}

function list(value, changed, blank, inputOf) {
  const values = [...(value ?? [])];
  const box = element("div", { className: "list" });
  const draw = () => {
    const entries = values.map((it, at) => {
      const input = inputOf(it, (entered) => { values[at] = entered; changed([...values]); });
      const remove = element("button", { type: "button", className: "remove" }, "Remove");
      remove.addEventListener("click", () => { values.splice(at, 1); changed([...values]); draw(); });
      return element("div", { className: "entry" }, input, remove);
    });
    const add = element("button", { type: "button", className: "add" }, "+ Add");
    add.addEventListener("click", () => { values.push(blank); changed([...values]); draw(); });
    box.replaceChildren(...entries, add);
  };
  draw();
  return box;
}

function subForm(param, object, changed) {
  const values = { ...object };
  const fields = param.subParams.map((it) => {
    const input = INPUTS[it.type](it, values[it.name], (entered) => { values[it.name] = entered; changed({ ...values }); });
    const field = element("div", { className: "field" }, element("label", {}, it.label), input);
    field.dataset.name = it.name;
    return field;
  });
  return element("div", { className: "object" }, ...fields);
}
