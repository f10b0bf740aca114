/** The open cycle's fills, and what a person may do with a cycle or with coins that lie outside of it. */
import { html, useState } from "./lib.js";
import { isActive } from "./coin_facts.js";
import { useAnswer } from "./hooks.js";
import { rich, t } from "./i18n.js";
import { exact, number, parsed } from "./numbers.js";
import { what } from "./reasons.js";
import { state } from "./store.js";
import { moment, utc } from "./times.js";

export function CycleCard({ coin, revision, actions }) {
  const active = isActive(coin);
  const { answer } = useAnswer("/api/trades", { symbol: coin.currency, limit: 200 }, { signature: `${coin.cycle_id}|${coin.steps_used}|${coin.invested}|${coin.held}|${revision}` });
  const fills = active ? (answer?.trades ?? []).filter((trade) => trade.cycle_id === coin.cycle_id).reverse() : [];
  const quote = state.head.money.quote;
  const dust = Number(coin.dust.coins) > 0;
  const ask = (name, more = {}) => actions.ask({ name: "confirm", coin: coin.currency, props: { ...confirmations(coin)[name], ...more } });
  return html`<section class="box card" id="cycle">
    <header><h2>${active ? t("cycle.title", { id: coin.cycle_id }) : t("cycle.none")}</h2><p>${t(active ? "cycle.means" : "cycle.none_means")}</p></header>
    ${fills.length > 0 && html`<div class="scroll" tabindex="0"><table class="t"><thead><tr><th>${t("trades.time")}</th><th>${t("trades.what")}</th><th class="r">${t("table.price")}</th><th class="r">${coin.currency}</th><th class="r">${quote}</th><th class="r">${t("trades.fee")}</th><th>${t("trades.order")}</th></tr></thead>
      <tbody>${fills.map((fill) => html`<tr key=${fill.id}><td title=${utc(fill.time_ms)}>${moment(fill.time_ms)}</td><td>${what(fill.step === null ? fill.why : `${fill.why} ${fill.step}`)}</td><td class="r">${number(fill.price, coin.price_precision)}</td><td class="r">${number(fill.base, coin.amount_precision)}</td><td class="r">${number(fill.quote)}</td><td class="r">${exact(fill.fee)} ${fill.fee_currency}</td><td class="mono">${fill.client_id}</td></tr>`)}
        <tr class="tot"><td>${t("cycle.holds")}</td><td></td><td class="r">${number(coin.average, coin.price_precision)}</td><td class="r">${number(coin.held, coin.amount_precision)}</td><td class="r">${number(coin.invested)}</td><td></td><td></td></tr></tbody></table></div>`}
    ${dust && html`<p class="note">${t("cycle.dust", { coins: exact(coin.dust.coins), currency: coin.currency, cost: number(coin.dust.cost), worth: number(coin.dust.worth), quote })}</p>`}
    ${liesOutside(coin) && html`<${Outside} coin=${coin} ask=${ask} />`}
    <div class="rowx acts">
      ${active && html`<button type="button" class="btn s risk" onClick=${() => ask("reset")}>${t("cycle.reset")}</button>`}
      ${active && (coin.paused?.cause === "coins_missing" || ["shortage", "too_small_to_sell"].includes(coin.hold.reason)) && html`<button type="button" class="btn s risk" onClick=${() => ask("write_off")}>${t("cycle.write_off")}</button>`}
      ${active && html`<p class="note">${t("cycle.reset_means")}</p>`}
    </div>
  </section>`;
}

/** Coins to choose about: those that hold back a start, and those that a pause is about. */
const liesOutside = (coin) => coin.hold.reason === "holds_coins" || (["reset_by_you", "order_not_in_journal"].includes(coin.paused?.cause) && Number(coin.outside) > 0);

const confirmations = (coin) => {
  const body = { base_currency: coin.currency };
  const values = { currency: coin.currency, held: number(coin.held, coin.amount_precision) };
  const make = (name, path, more = {}) => ({ title: t(`cycle.${name}_title`, values), say: t(`cycle.${name}_say`, values), path, body, label: t(`cycle.${name}`), risky: true, needsPrice: false, ...more });
  return {
    reset: make("reset", "/api/autotrader/reset_cycle"),
    write_off: make("write_off", "/api/autotrader/write_off"),
    adopt: make("adopt", "/api/autotrader/adopt", { risky: false }),
    ignore: make("ignore", "/api/autotrader/ignore_coins", { risky: false }),
  };
};

/** Coins that nobody averages: adopt them, leave them, or sell them in Quick Trade. */
function Outside({ coin, ask }) {
  const [typed, setTyped] = useState("");
  const price = typed.trim() ? parsed(typed) : "";
  const bad = price === null || (price !== "" && Number(price) <= 0);
  const body = { base_currency: coin.currency };
  return html`<div class="note w outside">
    <p>${rich("cycle.outside", { coins: number(coin.outside, coin.amount_precision), currency: coin.currency })}</p>
    <div class="form"><div class="f"><label for="adopt-price">${t("cycle.adopt_price")}<em class=${bad ? "c" : ""}>${bad ? t("ladder.not_a_number") : price ? t("reads_as", { value: exact(price) }) : ""}</em></label><span class="u"><input id="adopt-price" value=${typed} placeholder=${number(coin.bid, coin.price_precision)} inputmode="decimal" onInput=${(event) => setTyped(event.target.value)} /><em>${coin.symbol.split("_")[1]}</em></span></div></div>
    <div class="rowx">
      <button type="button" class="btn s" disabled=${!price || bad} onClick=${() => ask("adopt", { body: { ...body, price } })}>${t("cycle.adopt")}</button>
      <button type="button" class="btn s" onClick=${() => ask("adopt", { body: { ...body, from_trades: true } })}>${t("cycle.adopt_trades")}</button>
      <button type="button" class="btn s" onClick=${() => ask("ignore")}>${t("cycle.ignore")}</button>
      <a class="btn s" href=${`#/coin/${coin.currency}/trade`}>${t("cycle.sell_them")}</a>
    </div>
  </div>`;
}
