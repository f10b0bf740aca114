/** Messages: what happened, what it means, one action. Fills and alerts are polite, errors assertive. */
import { html, useEffect, useState } from "./lib.js";
import { has, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { exact, number, signed } from "./numbers.js";
import { what } from "./reasons.js";
import { state } from "./store.js";
import { moment } from "./times.js";

const SHOWN_MAX = 4;
const listeners = new Set();
let shown = [];
let count = 0;

const tell = () => listeners.forEach((listener) => listener());

/** Show a message: {glyph, tone, text, forMs, action: {label, run}, counts, slot}. One per slot: the newer replaces it. */
export function say(message) {
  const one = { id: ++count, at: Date.now(), forMs: 6000, tone: "", glyph: "done", ...message };
  shown = [...shown.filter((other) => !one.slot || other.slot !== one.slot), one].slice(-SHOWN_MAX);
  tell();
  setTimeout(() => dismiss(one), one.forMs);
}

function dismiss(one) {
  shown = shown.filter((other) => other !== one);
  tell();
}

export const sayError = (error) => say({ glyph: error.unknown ? "unknown" : "look", tone: "danger", text: errorText(error), forMs: 12000 });

/** An error in the person's language where the catalogue has it; what the engine said otherwise. */
export function errorText(error) {
  const key = `error.${error.code}`;
  if (!has(key)) return error.message;
  const field = error.field && has(`param.${error.field}`) ? t(`param.${error.field}`) : error.field ?? "";
  return t(key, { ...error.values, what: what(error.values?.what), limit: error.values?.which ? t(`limit.${error.values.which}.word`) : "", message: error.message, field });
}

/** Values of an alert for people: numbers in this language, moments in the person's zone. */
function spelled(values) {
  const one = ([name, value]) => {
    if (name === "which" && has(`limit.${value}.word`)) return [name, t(`limit.${value}.word`)];
    if (name === "at_s") return ["at", moment(Number(value) * 1000)];
    return [name, /^-?\d+(\.\d+)?$/.test(value) ? exact(value) : value];
  };
  return Object.fromEntries(Object.entries(values).map(one));
}

/** An alert as a sentence, with how often it came since it was last told. */
export function alertText({ code, values, currency, times }) {
  const key = `alert.${code}`;
  const text = has(key) ? t(key, { ...spelled(values), currency: currency ?? "" }) : code;
  return times > 1 ? `${text} ${t("alerts.times", { times })}` : text;
}

/** What the engine tells on its own: fills and alerts. */
export function sayNews(news) {
  if (news.kind === "alert") {
    say({ glyph: news.priority === "high" ? "unknown" : "look", tone: news.priority === "high" ? "danger" : "warn", forMs: news.priority === "high" ? 30000 : 12000, text: alertText(news) });
    return;
  }
  if (document.hidden) return;
  const coin = state.coins.get(news.currency);
  const values = { currency: news.currency, base: number(news.base, coin?.amount_precision ?? 8), quote: number(news.quote), unit: coin?.symbol.split("_")[1] ?? "", what: what(news.step === null ? news.why : `${news.why} ${news.step}`), result: signed(news.result) };
  say({ glyph: "done", text: t(news.side === "buy" ? "news.bought" : "news.sold", values), forMs: 5000, slot: "fill" });
}

export function Messages() {
  const [, draw] = useState(0);
  useEffect(() => {
    const listener = () => draw((value) => value + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  useEffect(() => {
    if (!shown.some((one) => one.counts)) return undefined;
    const timer = setInterval(() => draw((value) => value + 1), 500);
    return () => clearInterval(timer);
  });
  const urgent = shown.filter((one) => one.tone === "danger");
  const calm = shown.filter((one) => one.tone !== "danger");
  return html`
    <div class="messages calm" role="status" aria-live="polite">${calm.map((one) => html`<${Message} key=${one.id} one=${one} />`)}</div>
    <div class="messages urgent" role="alert">${urgent.map((one) => html`<${Message} key=${one.id} one=${one} />`)}</div>`;
}

function Message({ one }) {
  const left = Math.max(0, Math.ceil((one.at + one.forMs - Date.now()) / 1000));
  const away = () => dismiss(one);
  return html`<div class=${`msg ${one.tone}`}><${Icon} name=${one.glyph} /><span>${one.text}</span>
    ${one.action && html`<button type="button" class="push btn s" onClick=${() => { away(); one.action.run(); }}>${one.action.label}${one.counts ? `, ${t("age.s", { n: left })}` : ""}</button>`}
    <button type="button" class=${`btn s ghost${one.action ? "" : " push"}`} aria-label=${t("close")} onClick=${away}><${Icon} name="close" /></button>
  </div>`;
}
