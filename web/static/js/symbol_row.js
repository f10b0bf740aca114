/** A coin of the list: its switch, what Gate says of it, its rules, what may be done with it and why not. */
import { html } from "./lib.js";
import { has, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { exact, percent } from "./numbers.js";
import { state } from "./store.js";
import { Switch } from "./switch.js";
import { moment, utc } from "./times.js";

/** 0.01 for two decimals. */
const step = (precision) => exact(precision > 0 ? `0.${"0".repeat(precision - 1)}1` : "1");
const least = (text) => (Number(text) ? exact(text) : "–");

function Gate({ one }) {
  if (!one.traded) return html`<span class="st warn"><${Icon} name="look" />${t("symbols.unknown_to_gate")}</span>`;
  const { status, delisting_ms: leaves, special } = one.rules;
  return html`<span class=${`st ${status === "tradable" ? "q" : "warn"}`}><${Icon} name=${status === "tradable" ? "done" : "pause"} />${t(`symbols.status.${status}`)}</span>
    ${leaves && html` <span class="st warn" title=${utc(leaves)}><${Icon} name="look" />${t("symbols.leaves", { at: moment(leaves) })}</span>`}
    ${special && html` <span class="st warn" title=${t("symbols.st_means")}><${Icon} name="look" />${t("symbols.st")}</span>`}`;
}

export function SymbolRow({ one, actions, onPrimary, onRemove }) {
  const coin = state.coins.get(one.currency);
  const checked = coin?.paused ? "mixed" : coin && coin.switch !== "off" ? "true" : "false";
  const rules = one.rules;
  const quote = one.quote;
  const why = one.kept_by ? t(`symbols.kept_by.${one.kept_by}`) : "";
  return html`<tr class=${one.active ? "" : "off"} data-symbol=${one.currency}>
    <td><a href=${one.traded ? `#/coin/${one.currency}` : `#/trades?symbol=${one.currency}`}><b>${one.currency}</b></a> <bdi class="faint">${one.name === one.currency ? "" : one.name}</bdi>${one.primary && html` <span class="st fill go">${t("symbols.primary")}</span>`}</td>
    <td>${coin ? html`<span class="rowx nowrap"><${Switch} checked=${checked} label=${t("switch.of", { currency: one.currency })} onPress=${() => actions.pressSwitch(coin)} /><span class="muted">${has(`mode.${one.switch}`) ? t(`mode.${one.switch}`) : one.switch}${one.state === "ACTIVE" ? `, ${t("symbols.open_cycle")}` : ""}</span></span>` : "–"}</td>
    <td><${Gate} one=${one} /></td>
    <td class="r">${rules ? step(rules.price_precision) : "–"}</td><td class="r">${rules ? step(rules.amount_precision) : "–"}</td><td class="r">${rules ? least(rules.min_base) : "–"}</td><td class="r">${rules ? html`${least(rules.min_quote)}${Number(rules.min_quote) ? html` <span class="faint">${quote}</span>` : ""}` : "–"}</td><td class="r">${rules ? percent(rules.fee_pct, 3) : "–"}</td>
    <td><span class="rowx nowrap">${!one.primary && html`<button type="button" class="btn s" onClick=${onPrimary}>${t("symbols.make_primary")}</button>`}<button type="button" class="btn s" disabled=${Boolean(why)} title=${why} aria-describedby=${why ? `kept-${one.currency}` : null} onClick=${onRemove}>${t("symbols.remove")}</button>${why && html`<small id=${`kept-${one.currency}`} class="faint">${why}</small>`}</span></td>
  </tr>`;
}
