/** The trade log of all coins: every booked fill, newest first. A trade opens its order's life. */
import { html, useState } from "./lib.js";
import { isReady } from "./coin_facts.js";
import { FilterBar, Older, asked } from "./filter_bar.js";
import { t } from "./i18n.js";
import { exact, number } from "./numbers.js";
import { OrderDrawer } from "./order_drawer.js";
import { usePages } from "./pages.js";
import { what } from "./reasons.js";
import { state } from "./store.js";
import { moment, utc } from "./times.js";

const FIELDS = ["side", "why"];

export function TradesPage({ query }) {
  const ready = isReady(state.head);
  const table = usePages("/api/trades", { ...asked(query, FIELDS), limit: 100 }, "trades", { everyMs: 3000, paused: !ready });
  const [opened, setOpened] = useState(null);
  if (!ready) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  const quote = state.head.money.quote;
  const filtered = Object.keys(asked(query, FIELDS)).length > 0;
  return html`
    <${FilterBar} place="trades" query=${query} fields=${FIELDS} file="/api/trades.csv"><h1 class="page-title">${t("nav.trades")}</h1><//>
    <section class="box card">
      ${table.loaded && !table.rows.length && html`<div class="empty"><h3>${t(filtered ? "filter.nothing" : "trades.none")}</h3><p>${t(filtered ? "filter.nothing_hint" : "trades.none_hint")}</p></div>`}
      ${table.rows.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${t("nav.trades")}><table class="t" data-testid="trades"><thead><tr><th>${t("trades.time")}</th><th>${t("col.coin")}</th><th>${t("trades.side")}</th><th>${t("trades.what")}</th><th class="r">${t("table.price")}</th><th class="r">${t("table.amount")}</th><th class="r">${quote}</th><th class="r">${t("trades.fee")}</th><th class="r">${t("history.cycle")}</th><th>${t("trades.order")}</th></tr></thead>
        <tbody>${table.rows.map((trade) => {
          const coin = state.coins.get(trade.currency);
          return html`<tr key=${trade.id}><td title=${utc(trade.time_ms)}>${moment(trade.time_ms)}</td><td><a href=${`#/coin/${trade.currency}`}>${trade.currency}</a></td><td>${t(`side.${trade.side}`)}</td><td>${what(trade.step === null ? trade.why : `${trade.why} ${trade.step}`)}</td><td class="r">${coin ? number(trade.price, coin.price_precision) : exact(trade.price)}</td><td class="r">${exact(trade.base)}</td><td class="r">${number(trade.quote)}</td><td class="r">${exact(trade.fee)} ${trade.fee_currency}</td><td class="r">#${trade.cycle_id}</td><td><button type="button" class="as-link mono" onClick=${() => setOpened(trade.client_id)}>${trade.client_id}</button></td></tr>`;
        })}</tbody></table></div><${Older} table=${table} />`}
    </section>
    ${opened && html`<${OrderDrawer} label=${opened} onOpen=${setOpened} onClose=${() => setOpened(null)} />`}`;
}
