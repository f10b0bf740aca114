/** What all coins together may do: how much money, how many cycles at once. */
import { html, useState } from "./lib.js";
import { useAnswer, useCommand } from "./hooks.js";
import { t } from "./i18n.js";
import { errorText, say } from "./messages.js";
import { number, parsed } from "./numbers.js";
import { state } from "./store.js";

const FIELDS = ["total_budget", "max_active_cycles"];

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
  const changed = FIELDS.filter((name) => typed[name] !== undefined && String(read(name)) !== String(answer[name]));
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
    <form class="form" onSubmit=${apply}>${FIELDS.map((name) => html`<div class="f full" key=${name}>
        <label for=${`money-${name}`}>${t(`money_limits.${name}`)}<em class=${bad.includes(name) ? "c" : ""}>${bad.includes(name) ? t("ladder.not_a_number") : echo(name)}</em></label>
        <span class="u"><input id=${`money-${name}`} class=${bad.includes(name) ? "bad" : changed.includes(name) ? "chg" : ""} value=${typed[name] ?? String(answer[name])} inputmode=${name === "total_budget" ? "decimal" : "numeric"} autocomplete="off" aria-describedby=${`money-${name}-means`} onInput=${(event) => setTyped({ ...typed, [name]: event.target.value })} /><em>${name === "total_budget" ? quote : t("money_limits.cycles")}</em></span>
        <p class="note" id=${`money-${name}-means`}>${t(`money_limits.${name}_means`)}</p></div>`)}
      <div class="f full apply"><button type="submit" class="btn wide" disabled=${!changed.length || bad.length > 0 || sending.phase === "sending"}>${t("limits.apply")}</button>
        ${sending.error && html`<p class="outcome" role="alert">${errorText(sending.error)}</p>`}</div></form></section>`;
}
