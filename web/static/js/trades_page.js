/** The trade log of all coins: every booked fill, newest first. */
import { html, useEffect, useState } from "./lib.js";
import { Failed, get } from "./api.js";
import { isReady } from "./coin_facts.js";
import { useAnswer } from "./hooks.js";
import { t } from "./i18n.js";
import { exact, number } from "./numbers.js";
import { sayError } from "./messages.js";
import { what } from "./reasons.js";
import { state } from "./store.js";
import { moment, utc } from "./times.js";

const PAGE = 100;

export function TradesPage() {
  const [symbol, setSymbol] = useState("");
  const [older, setOlder] = useState([]);
  const { answer } = useAnswer("/api/trades", { symbol, limit: PAGE }, { everyMs: 3000, paused: !isReady(state.head) });
  useEffect(() => setOlder([]), [symbol]);
  if (!isReady(state.head)) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  const newest = answer?.trades ?? [];
  const known = new Set(newest.map((trade) => trade.id));
  const list = [...newest, ...older.filter((trade) => !known.has(trade.id))];
  const more = async () => {
    try {
      const next = await get("/api/trades", { symbol, limit: PAGE, before: list.at(-1).id });
      setOlder([...older, ...next.trades]);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      sayError(error);
    }
  };
  const quote = state.head.money.quote;
  return html`
    <div class="bar"><h1 class="page-title">${t("nav.trades")}</h1><select aria-label=${t("col.coin")} value=${symbol} onChange=${(event) => setSymbol(event.target.value)}><option value="">${t("trades.all")}</option>${[...state.coins.keys()].map((name) => html`<option value=${name}>${name}</option>`)}</select></div>
    <section class="box card">
      ${answer && !list.length && html`<div class="empty"><h3>${t("trades.none")}</h3><p>${t("trades.none_hint")}</p></div>`}
      ${list.length > 0 && html`<div class="scroll" tabindex="0"><table class="t" data-testid="trades"><thead><tr><th>${t("trades.time")}</th><th>${t("col.coin")}</th><th>${t("trades.side")}</th><th>${t("trades.what")}</th><th class="r">${t("table.price")}</th><th class="r">${t("table.amount")}</th><th class="r">${quote}</th><th class="r">${t("trades.fee")}</th><th class="r">${t("history.cycle")}</th><th>${t("trades.order")}</th></tr></thead>
        <tbody>${list.map((trade) => {
          const coin = state.coins.get(trade.currency);
          return html`<tr key=${trade.id}><td title=${utc(trade.time_ms)}>${moment(trade.time_ms)}</td><td><a href=${`#/coin/${trade.currency}`}>${trade.currency}</a></td><td>${t(`side.${trade.side}`)}</td><td>${what(trade.step === null ? trade.why : `${trade.why} ${trade.step}`)}</td><td class="r">${coin ? number(trade.price, coin.price_precision) : exact(trade.price)}</td><td class="r">${exact(trade.base)}</td><td class="r">${number(trade.quote)}</td><td class="r">${exact(trade.fee)} ${trade.fee_currency}</td><td class="r">#${trade.cycle_id}</td><td class="mono">${trade.client_id}</td></tr>`;
        })}</tbody></table></div>
        ${list.length >= PAGE && html`<p><button type="button" class="btn s" onClick=${more}>${t("trades.more")}</button></p>`}`}
    </section>`;
}
