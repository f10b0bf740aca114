/** Catalogues: keys to sentences. `{name}` is a value, `**bold**` is weight, an object holds plural forms of `count`. */
import { html } from "./lib.js";
import { keep, kept } from "./kept.js";

export const LANGUAGES = ["en", "ru"];

let language = "en";
let catalogue = {};
let plural = new Intl.PluralRules("en");
const parts = new Set();

export const lang = () => language;

const preferred = () => {
  const chosen = kept("language");
  if (LANGUAGES.includes(chosen)) return chosen;
  return navigator.language?.toLowerCase().startsWith("ru") ? "ru" : "en";
};

async function read(name) {
  const answer = await fetch(`/static/i18n/${name}.json`);
  // The body of a refusal is JSON too, and no catalogue.
  if (!answer.ok) throw new Error(`${name}.json: ${answer.status}`);
  return answer.json();
}

/** What one page alone says: loaded with that page, and again with another language. */
export async function loadPart(part) {
  let of;
  do {
    of = language;
    Object.assign(catalogue, await read(`${part}.${of}`));
    parts.add(part);
  } while (of !== language);
}

export async function loadLanguage(wanted = preferred()) {
  const found = await read(wanted);
  for (const part of parts) Object.assign(found, await read(`${part}.${wanted}`));
  catalogue = found;
  language = wanted;
  plural = new Intl.PluralRules(wanted);
  document.documentElement.lang = wanted;
}

export async function chooseLanguage(wanted) {
  await loadLanguage(wanted);
  keep("language", wanted);
}

export const has = (key) => key in catalogue;

/** The sentence as text. Values are text already, formatted by whoever knows what they are. */
export function t(key, values = {}) {
  let sentence = catalogue[key];
  if (sentence === undefined) return key;
  if (typeof sentence === "object") sentence = sentence[plural.select(Number(values.count ?? 0))] ?? sentence.other;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "–");
}

/** The sentence as nodes, bold where the catalogue says so. */
export const rich = (key, values) =>
  t(key, values).split("**").map((part, at) => (at % 2 ? html`<b>${part}</b>` : part));
