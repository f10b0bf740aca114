/** Catalogues: keys to sentences. `{name}` is a value, `**bold**` is weight, an object holds plural forms of `count`. */
import { html } from "./lib.js";
import { keep, kept } from "./kept.js";

export const LANGUAGES = ["en", "ru"];

let language = "en";
let catalogue = {};
let plural = new Intl.PluralRules("en");

export const lang = () => language;

const preferred = () => {
  const chosen = kept("language");
  if (LANGUAGES.includes(chosen)) return chosen;
  return navigator.language?.toLowerCase().startsWith("ru") ? "ru" : "en";
};

export async function loadLanguage(wanted = preferred()) {
  const answer = await fetch(`/static/i18n/${wanted}.json`);
  catalogue = await answer.json();
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
