// Runs modules as a plan says and prints what they do, in the words of `observe.rs`.
import { readFileSync } from "node:fs";

const TRAPS = [
  ["unreachable", "unreachable"],
  ["memory access out of bounds", "out of bounds memory access"],
  ["data segment", "out of bounds memory access"],
  ["divide by zero", "integer divide by zero"],
  ["remainder by zero", "integer divide by zero"],
  ["divide result unrepresentable", "integer overflow"],
  ["float unrepresentable", "conversion"],
  ["null function or function signature", "indirect call"],
  ["table index is out of bounds", "out of bounds table access"],
  ["table or segment", "out of bounds table access"],
  ["table access", "out of bounds table access"],
  ["element segment", "out of bounds table access"],
  ["Maximum call stack", "call stack exhausted"],
];

const view = new DataView(new ArrayBuffer(8));

function trap(error) {
  const known = TRAPS.find(([words]) => error.message.includes(words));
  return known ? known[1] : error.message;
}

function text(letter, value) {
  switch (letter) {
    case "i":
      return `i${value >>> 0} `;
    case "I":
      return `I${BigInt.asUintN(64, value)} `;
    case "f":
      if (Number.isNaN(value)) return "fNaN ";
      view.setFloat32(0, value);
      return `f${view.getUint32(0)} `;
    case "F":
      if (Number.isNaN(value)) return "FNaN ";
      view.setFloat64(0, value);
      return `F${view.getBigUint64(0)} `;
    default:
      return `r${value === null ? 0 : 1} `;
  }
}

function argument(letter, index) {
  const place = index + 1;
  switch (letter) {
    case "i":
      return place * 3;
    case "I":
      return BigInt(place * 5);
    case "f":
      return place * 1.5;
    case "F":
      return place * 2.5;
    default:
      return null;
  }
}

function call(instance, planned) {
  const { call: name, parameters, types } = planned;
  const seen = { call: name, parameters, types };
  try {
    const result = instance.exports[name](...[...parameters].map(argument));
    const results = types.length === 0 ? [] : types.length === 1 ? [result] : result;
    seen.results = [...types].map((letter, index) => text(letter, results[index])).join("");
  } catch (error) {
    seen.trap = trap(error);
  }
  return seen;
}

function state(instance, planned) {
  return planned.map(([name, said]) => {
    const item = instance.exports[name];
    if (!(item instanceof WebAssembly.Memory)) return [name, text(said[0], item.value)];
    const bytes = new Uint8Array(item.buffer);
    let hash = 0x811c9dc5;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    return [name, `memory of ${bytes.length} bytes, ${hash}`];
  });
}

function observe({ file, calls }) {
  let instance;
  try {
    instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)));
  } catch (error) {
    return [{ trap: trap(error) }];
  }
  const seen = [];
  for (const planned of calls) {
    if (planned.call !== undefined) seen.push(call(instance, planned));
    else if (planned.state !== undefined) seen.push({ state: state(instance, planned.state) });
    if (seen.at(-1)?.trap === "call stack exhausted") break;
  }
  return seen;
}

const plan = JSON.parse(readFileSync(process.argv[2], "utf8"));
process.stdout.write(JSON.stringify(plan.map(observe)));
