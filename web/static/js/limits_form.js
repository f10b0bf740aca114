/** Limits of buys: meaning, usual value and effect of each; what was typed is applied together. */
import { html, useState } from "./lib.js";
import { useAnswer, useCommand } from "./hooks.js";
import { rich, t } from "./i18n.js";
import { errorText, say } from "./messages.js";
import { exact, parsed } from "./numbers.js";
import { state } from "./store.js";

const FIELDS = ["order_rows", "coin_orders_5min", "coin_orders_day", "account_orders_5min", "account_orders_day", "coin_turnover_day", "account_turnover_day", "band_pct"];
const WHOLE = new Set(FIELDS.filter((name) => name.includes("_orders_")));

/** What was typed as the engine takes it; null when it is no such number. */
export function read(name, typed) {
  const value = parsed(typed);
  if (value === null || Number(value) < 0 || (WHOLE.has(name) && !/^\d+$/.test(value))) return null;
  return WHOLE.has(name) ? Number(value) : value;
}

export function LimitsForm() {
  const { answer, again } = useAnswer("/api/order_limits", {});
  const [typed, setTyped] = useState({});
  const sending = useCommand();
  if (!answer?.limits) return null;
  const { limits, defaults } = answer;
  const shown = (name) => typed[name] ?? String(limits[name]);
  const changed = FIELDS.filter((name) => typed[name] !== undefined && String(read(name, typed[name])) !== String(limits[name]));
  const bad = changed.filter((name) => read(name, typed[name]) === null);
  const spelled = (value) => (Number(value) ? exact(value) : t("limits.off"));
  const apply = async (event) => {
    event.preventDefault();
    if (!changed.length || bad.length) return;
    const done = await sending.run("/api/order_limits", Object.fromEntries(changed.map((name) => [name, read(name, typed[name])])));
    if (done) {
      setTyped({});
      say({ text: t("limits.applied") });
      await again();
    }
  };
  return html`<section class="box card" id="limits"><header><h2>${t("limits.title")}</h2></header>
    <p class="note">${rich("limits.means")}</p>
    <form class="form" onSubmit=${apply}>${FIELDS.map((name) => {
      const wrong = bad.includes(name);
      const look = wrong ? "bad" : changed.includes(name) ? "chg" : String(limits[name]) === String(defaults[name]) ? "" : "own";
      return html`<div class="f full" key=${name}>
        <label for=${`limit-${name}`}>${t(`limit.${name}.word`)}<em class=${wrong ? "c" : ""}>${wrong ? t("ladder.not_a_number") : t("limits.default", { default: spelled(defaults[name]) })}</em></label>
        <span class="u"><input id=${`limit-${name}`} class=${look} value=${shown(name)} inputmode=${WHOLE.has(name) ? "numeric" : "decimal"} aria-describedby=${`limit-${name}-means`} onInput=${(event) => setTyped({ ...typed, [name]: event.target.value })} /><em>${t(`limit.${name}.unit`, { quote: state.head.money.quote })}</em></span>
        <p class="note" id=${`limit-${name}-means`}>${t(`limit.${name}.text`)}</p></div>`;
    })}
      <div class="f full apply">
        <button type="submit" class="btn wide" disabled=${!changed.length || bad.length > 0 || sending.phase === "sending"}>${t("limits.apply")}</button>
        <button type="button" class="btn s" onClick=${() => setTyped(Object.fromEntries(FIELDS.map((name) => [name, String(defaults[name])])))}>${t("limits.back")}</button>
        ${sending.error && html`<p class="outcome" role="alert">${errorText(sending.error)}</p>`}
      </div></form>
  </section>`;
}
