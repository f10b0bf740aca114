/** What all coins together may do, and what buys may do: meaning, usual value and effect; what was typed is applied together. */
import { html, useState } from "./lib.js";
import { useAnswer, useCommand } from "./hooks.js";
import { rich, t } from "./i18n.js";
import { errorText, say } from "./messages.js";
import { exact, number, parsed } from "./numbers.js";
import { state } from "./store.js";

const MONEY = ["total_budget", "max_active_cycles"];

/** What all coins together may do: how much money, how many cycles at once. */
export function MoneyLimits() {
  const { answer, again } = useAnswer("/api/limits", {});
  const [typed, setTyped] = useState({});
  const sending = useCommand();
  if (answer?.total_budget === undefined) return null;
  const read = (name) => {
    const value = parsed(typed[name] ?? String(answer[name]));
    if (value === null || Number(value) < 0 || (name === "max_active_cycles" && !/^\d+$/.test(value))) return null;
    return name === "max_active_cycles" ? Number(value) : value;
  };
  const changed = MONEY.filter((name) => typed[name] !== undefined && String(read(name)) !== String(answer[name]));
  const bad = changed.filter((name) => read(name) === null);
  const apply = async (event) => {
    event.preventDefault();
    if (!changed.length || bad.length) return;
    if (await sending.run("/api/limits", Object.fromEntries(changed.map((name) => [name, read(name)])))) {
      setTyped({});
      say({ text: t("money_limits.applied") });
      await again();
    }
  };
  const { quote } = state.head.money;
  const echo = (name) => (name === "total_budget" && changed.includes(name) ? t("reads_as", { value: `${number(read(name))} ${quote}` }) : t("money_limits.none"));
  return html`<section class="box card" id="money-limits"><header><h2>${t("money_limits.title")}</h2></header>
    <form class="form" onSubmit=${apply}>${MONEY.map((name) => html`<div class="f full" key=${name}>
        <label for=${`money-${name}`}>${t(`money_limits.${name}`)}<em class=${bad.includes(name) ? "c" : ""}>${bad.includes(name) ? t("ladder.not_a_number") : echo(name)}</em></label>
        <span class="u"><input id=${`money-${name}`} class=${bad.includes(name) ? "bad" : changed.includes(name) ? "chg" : ""} value=${typed[name] ?? String(answer[name])} inputmode=${name === "total_budget" ? "decimal" : "numeric"} autocomplete="off" aria-describedby=${`money-${name}-means`} onInput=${(event) => setTyped({ ...typed, [name]: event.target.value })} /><em>${name === "total_budget" ? quote : t("money_limits.cycles")}</em></span>
        <p class="note" id=${`money-${name}-means`}>${t(`money_limits.${name}_means`)}</p></div>`)}
      <div class="f full apply"><button type="submit" class="btn wide" disabled=${!changed.length || bad.length > 0 || sending.phase === "sending"}>${t("limits.apply")}</button>
        ${sending.error && html`<p class="outcome" role="alert">${errorText(sending.error)}</p>`}</div></form></section>`;
}

const FIELDS = ["order_rows", "coin_orders_5min", "coin_orders_day", "account_orders_5min", "account_orders_day", "coin_turnover_day", "account_turnover_day", "band_pct"];
const WHOLE = new Set(FIELDS.filter((name) => name.includes("_orders_")));

/** What was typed as the engine takes it; null when it is no such number. */
export function read(name, typed) {
  const value = parsed(typed);
  if (value === null || Number(value) < 0 || (WHOLE.has(name) && !/^\d+$/.test(value))) return null;
  return WHOLE.has(name) ? Number(value) : value;
}

/** Limits of buys: meaning, usual value and effect of each; what was typed is applied together. */
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
