/** What the journal alone tells while the exchange has not answered yet: what is held, for how much, what is unknown. */
import { html } from "./lib.js";
import { t } from "./i18n.js";
import { exact, number } from "./numbers.js";
import { what } from "./reasons.js";
import { state } from "./store.js";

export function SafeState() {
  const quote = state.head.money?.quote ?? "";
  return html`<section class="box card" data-testid="safe-state" aria-label=${t("safe.title")}>
    <header><h2>${t("safe.title")}</h2><p>${t("safe.means")}</p></header>
    <div class="scroll" tabindex="0"><table class="t"><thead><tr>
      <th>${t("col.coin")}</th><th class="r">${t("safe.held")}</th><th class="r">${t("safe.invested")}</th><th class="r">${t("col.breakeven")}</th><th class="r">${t("level.take_profit")}</th><th>${t("safe.order")}</th>
    </tr></thead><tbody>${[...state.coins.values()].map((coin) => html`<tr key=${coin.currency} data-coin=${coin.currency}>
      <td>${coin.currency}</td><td class="r">${exact(coin.held)}</td><td class="r">${number(coin.invested)} ${quote}</td><td class="r">${coin.breakeven ? number(coin.breakeven, coin.price_precision) : ""}</td><td class="r">${coin.take_profit ? number(coin.take_profit, coin.price_precision) : ""}</td>
      <td>${coin.order ? t("safe.order_unknown", { what: what(coin.order.what) }) : ""}</td></tr>`)}</tbody></table></div>
  </section>`;
}
