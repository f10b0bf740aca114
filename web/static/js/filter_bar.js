/** Filters of a table. They stand in the address, so that a link can carry them. Days are the person's own. */
import { html } from "./lib.js";
import { dayOf, fieldOf, fromField, nextDay } from "./days.js";
import { t } from "./i18n.js";
import { go } from "./places.js";
import { state } from "./store.js";

const WHATS = ["start", "rebuy", "take_profit", "stop_loss", "quick_buy", "sell_all"];
const CHOICES = {
  side: () => ["buy", "sell"].map((one) => [one, t(`side.${one}`)]),
  why: () => WHATS.map((one) => [one, t(`what.${one}`, { step: "" }).trim()]),
  state: () => ["open", "unknown", "filled", "unfilled", "refused", "not_sent", "absent"].map((one) => [one, t(`outcome.${one}`)]),
  kind: () => ["buy", "sell", "hold"].map((one) => [one, t(`kind.${one}`)]),
  record: () => ["alert", "command", "params", "pause", "setting", "switch"].map((one) => [one, t(`record.${one}`)]),
};

/** What the API is asked, of what stands in the address. */
export const asked = (query, fields) => Object.fromEntries(["symbol", "since_ms", "until_ms", ...fields.map((name) => (name === "record" ? "kind" : name))].map((name) => [name, query?.[name]]).filter(([, value]) => value));

export function FilterBar({ place, query, fields, file, children }) {
  const change = (changes) => go(place, { ...asked(query, fields), ...changes });
  const coins = [...new Set([...state.coins.keys(), ...(query?.symbol ? [query.symbol] : [])])];
  const set = Object.keys(asked(query, fields)).length > 0;
  const since = Number(query?.since_ms ?? 0);
  const until = Number(query?.until_ms ?? 0);
  return html`<div class="bar filters" role="search" aria-label=${t("filter.label")}>
    ${children}
    <select aria-label=${t("col.coin")} value=${query?.symbol ?? ""} onChange=${(event) => change({ symbol: event.target.value })}><option value="">${t("trades.all")}</option>${coins.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select>
    ${fields.map((name) => {
      const key = name === "record" ? "kind" : name;
      return html`<select key=${name} aria-label=${t(`filter.${name}`)} value=${query?.[key] ?? ""} onChange=${(event) => change({ [key]: event.target.value })}><option value="">${t(`filter.${name}.all`)}</option>${CHOICES[name]().map(([value, word]) => html`<option key=${value} value=${value}>${word}</option>`)}</select>`;
    })}
    <label class="days">${t("filter.from")} <input type="date" value=${fieldOf(since)} onChange=${(event) => change({ since_ms: fromField(event.target.value) })} /></label>
    <label class="days">${t("filter.to")} <input type="date" value=${fieldOf(until ? until - 1 : 0)} onChange=${(event) => change({ until_ms: fromField(event.target.value) ? nextDay(dayOf(fromField(event.target.value))) : 0 })} /></label>
    ${set && html`<button type="button" class="btn s ghost" onClick=${() => go(place, {})}>${t("filter.clear")}</button>`}
    <a class="btn s push" href=${`${file}?${new URLSearchParams(asked(query, fields))}`} download>${t("dash.export")}</a>
  </div>`;
}

/** Below a table: older rows, or that this was all. */
export const Older = ({ table }) => (table.more
  ? html`<p><button type="button" class="btn s" disabled=${table.busy} onClick=${table.older}>${t("trades.more")}</button></p>`
  : html`<p class="note">${t("filter.that_is_all", { count: table.rows.length })}</p>`);
