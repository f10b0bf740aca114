/** Each coin's results, first in first out with fees; a figure opens its fills, the file holds every one of them. */
import { html } from "./lib.js";
import { otherFees, winRate } from "./dash_strip.js";
import { monthName } from "./days.js";
import { Result } from "./figures.js";
import { t } from "./i18n.js";
import { exact, number } from "./numbers.js";
import { address } from "./places.js";
import { span } from "./times.js";

const some = (value) => value !== null && value !== undefined && Number(value) !== 0;

export function CoinResults({ told, asked }) {
  const coins = told.coins.filter((coin) => coin.traded || coin.fills).sort((one, two) => Number(two.result) - Number(one.result) || one.currency.localeCompare(two.currency));
  const [, , month, all] = told.periods;
  const foreign = coins.filter((coin) => some(coin.foreign_coins));
  const of = (coin, query, inside) => html`<a class="plain" href=${address("trades", { symbol: coin.currency, ...query })}>${inside}</a>`;
  return html`<section class="box card" id="per-coin"><header><h2>${t("dash.per_coin")}</h2><p>${t("dash.per_coin_means")}</p><a class="push btn s" href="/api/fifo.csv" download>${t("dash.export")}</a></header>
    ${!coins.length && html`<div class="empty"><h3>${t("trades.none")}</h3><p>${t("trades.none_hint")}</p></div>`}
    ${coins.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${t("dash.per_coin")}><table class="t" data-testid="per-coin"><thead><tr><th>${t("col.coin")}</th><th class="r">${monthName(asked.month_ms, false)}</th><th class="r">${t("dash.all")}</th><th class="r">${t("dash.cycles_head")}</th><th class="r">${t("dash.win_rate")}</th><th class="r">${t("dash.fees_head")}</th><th class="r">${t("dash.median")}</th><th class="r">${t("dash.longest")}</th><th class="r">${t("table.invested")}</th><th class="r">${t("dash.unrealised")}</th><th class="r two-lines">${t("dash.worst")}</th></tr></thead>
      <tbody>${coins.map((coin) => html`<tr key=${coin.symbol} class=${coin.traded ? "" : "off"}><td><a href=${coin.traded ? `#/coin/${coin.currency}` : address("trades", { symbol: coin.currency })}><b>${coin.currency}</b></a></td><td class="r">${of(coin, { since_ms: asked.month_ms }, html`<${Result} value=${coin.month} />`)}</td><td class="r">${of(coin, {}, html`<${Result} value=${coin.result} />`)}</td><td class="r">${of(coin, { side: "sell" }, String(coin.cycles))}</td><td class="r">${winRate(coin)}</td><td class="r" title=${[exact(coin.fees), otherFees(coin.other_fees)].filter(Boolean).join(", ")}>${number(coin.fees)}${Object.keys(coin.other_fees).length > 0 && html` <small class="faint">+</small>`}</td><td class="r">${coin.median_ms === null ? "–" : span(coin.median_ms)}</td><td class="r">${coin.longest_ms === null ? "–" : span(coin.longest_ms)}</td><td class="r">${some(coin.invested) ? number(coin.invested) : "–"}</td><td class="r"><${Result} value=${coin.unrealised} /></td><td class="r">${number(coin.worst)}</td></tr>`)}
        <tr class="tot"><td>${t("dash.all_coins", { count: coins.length })}</td><td class="r"><${Result} value=${month.result} /></td><td class="r"><${Result} value=${all.result} /></td><td class="r">${all.cycles}</td><td class="r">${winRate(all)}</td><td class="r">${number(all.fees)}</td><td></td><td></td><td class="r">${number(told.money.in_positions)}</td><td class="r"><${Result} value=${told.money.unrealised} /></td><td class="r">${number(told.worst)}</td></tr></tbody></table></div>
      <p class="note">${t("dash.average_note")} <${Result} value=${told.money.realised_all} />${foreign.length > 0 && html` ${t("dash.foreign_note", { coins: foreign.map((coin) => `${exact(coin.foreign_coins)} ${coin.currency} (${number(coin.foreign_proceeds)})`).join(", ") })}`}</p>`}
  </section>`;
}
