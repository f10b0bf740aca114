/** The open cycle's fills, and what a person may do with a cycle or with coins that lie outside of it. */
import { html, useState } from "./lib.js";
import { isActive } from "./coin_facts.js";
import { Failed, preview } from "./api.js";
import { Result } from "./figures.js";
import { FillsTable } from "./fills_table.js";
import { useAnswer, useRested, useStore } from "./hooks.js";
import { rich, t } from "./i18n.js";
import { errorText } from "./messages.js";
import { exact, number, parsed, signedPercent } from "./numbers.js";
import { state } from "./store.js";

export function CycleCard({ coin, revision, actions }) {
  const active = isActive(coin);
  const { answer } = useAnswer("/api/trades", { symbol: coin.currency, cycle: coin.cycle_id ?? 0, limit: 500 }, { signature: `${coin.cycle_id}|${coin.steps_used}|${coin.invested}|${coin.held}|${revision}` });
  const fills = active ? (answer?.trades ?? []).filter((trade) => trade.cycle_id === coin.cycle_id).reverse() : [];
  const quote = state.head.money.quote;
  const dust = Number(coin.dust.coins) > 0;
  const ask = (name, more = {}) => actions.ask({ name: "confirm", coin: coin.currency, props: { ...confirmations(coin)[name], ...more } });
  return html`<section class="box card" id="cycle">
    <header><h2>${active ? t("cycle.title", { id: coin.cycle_id }) : t("cycle.none")}</h2><p>${t(active ? "cycle.means" : "cycle.none_means")}</p></header>
    ${coin.exit_at_breakeven && html`<p class="note w"><b>${t("exit.on_title")}</b> ${t("exit.on_says", { price: number(coin.breakeven, coin.price_precision), percent: signedPercent(coin.distance_sell_pct) })} ${coin.effective_switch === "off" || coin.paused ? t("exit.but_off") : ""}</p>`}
    ${fills.length > 0 && html`<${FillsTable} coin=${coin} fills=${fills} foot=${html`<tr class="tot"><td>${t("cycle.holds")}</td><td></td><td></td><td class="r">${number(coin.average, coin.price_precision)}</td><td class="r">${number(coin.held, coin.amount_precision)}</td><td class="r">${number(coin.invested)}</td><td></td><td></td></tr>`} />`}
    ${dust && html`<p class="note">${t("cycle.dust", { coins: exact(coin.dust.coins), currency: coin.currency, cost: number(coin.dust.cost), worth: number(coin.dust.worth), quote })}</p>`}
    ${liesOutside(coin) && html`<${Outside} coin=${coin} ask=${ask} />`}
    <div class="rowx acts">
      ${active && (coin.exit_at_breakeven ? html`<button type="button" class="btn s" onClick=${() => ask("stay")}>${t("exit.stay")}</button>` : html`<button type="button" class="btn s" onClick=${() => ask("exit", { children: html`<${ExitFigures} currency=${coin.currency} />` })}>${t("exit.do")}</button>`)}
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
    exit: { title: t("exit.title", values), say: t("exit.say"), path: "/api/autotrader/exit_at_breakeven", body, label: t("exit.do_it"), spends: true },
    stay: { title: t("exit.stay_title", values), say: t("exit.stay_say"), path: "/api/autotrader/exit_at_breakeven", body: { ...body, wanted: false }, label: t("exit.stay_do"), needsPrice: false },
    ignore: make("ignore", "/api/autotrader/ignore_coins", { risky: false }),
  };
};

/** Where breakeven lies from the price now, and what the sale would bring. */
function ExitFigures({ currency }) {
  useStore();
  const coin = state.coins.get(currency);
  const price = (text) => number(text, coin.price_precision);
  const reached = Number(coin.bid) >= Number(coin.breakeven);
  return html`<dl class="kv"><dt>${t("exit.sells_all")}</dt><dd>${number(coin.held, coin.amount_precision)} ${coin.currency}</dd>
      <dt>${t("exit.from")}</dt><dd><b class="be">${price(coin.breakeven)}</b></dd><dt>${t("exit.instead")}</dt><dd>${price(coin.take_profit)}</dd><dt>${t("exit.bid_now")}</dt><dd>${price(coin.bid)}</dd></dl>
    ${reached && html`<p class="msg warn">${t("exit.at_once")}</p>`}
    ${(coin.effective_switch === "off" || coin.paused) && html`<p class="msg warn">${t("exit.but_off")}</p>`}
    <p class="note">${t("exit.buys_go_on")}</p>`;
}

/** Coins that nobody averages: adopt them, leave them, or sell them in Quick Trade. What adopting makes is shown first. */
function Outside({ coin, ask }) {
  const [typed, setTyped] = useState("");
  const price = typed.trim() ? parsed(typed) : "";
  const bad = price === null || (price !== "" && Number(price) <= 0);
  const body = { base_currency: coin.currency };
  const adopt = (more) => ask("adopt", { body: { ...body, ...more }, children: html`<${Adoption} coin=${coin} wish=${{ ...body, ...more }} />` });
  return html`<div class="note w outside">
    <p>${rich("cycle.outside", { coins: number(coin.outside, coin.amount_precision), currency: coin.currency })}</p>
    <div class="form"><div class="f"><label for="adopt-price">${t("cycle.adopt_price")}<em class=${bad ? "c" : ""}>${bad ? t("ladder.not_a_number") : price ? t("reads_as", { value: exact(price) }) : ""}</em></label><span class="u"><input id="adopt-price" value=${typed} placeholder=${number(coin.bid, coin.price_precision)} inputmode="decimal" onInput=${(event) => setTyped(event.target.value)} /><em>${coin.symbol.split("_")[1]}</em></span></div></div>
    <div class="rowx">
      <button type="button" class="btn s" disabled=${!price || bad} title=${!price || bad ? t("adopt.type_price") : ""} onClick=${() => adopt({ price })}>${t("cycle.adopt")}</button>
      <button type="button" class="btn s" onClick=${() => adopt({ from_trades: true })}>${t("cycle.adopt_trades")}</button>
      <button type="button" class="btn s" onClick=${() => ask("ignore")}>${t("cycle.ignore")}</button>
      <a class="btn s" href=${`#/coin/${coin.currency}/trade`}>${t("cycle.sell_them")}</a>
    </div>
  </div>`;
}

/** What adopting would make, by the engine itself. */
function Adoption({ coin, wish }) {
  const [told, setTold] = useState({});
  useRested({ wish, bid: coin.bid }, 100, async () => {
    try {
      setTold({ answer: await preview("/api/autotrader/adopt/preview", wish) });
    } catch (failed) {
      if (!(failed instanceof Failed)) throw failed;
      setTold({ failed });
    }
  });
  const { answer, failed } = told;
  if (failed) return html`<p class="msg warn">${errorText(failed)}</p>`;
  if (!answer) return html`<div class="skel"></div>`;
  const quote = coin.symbol.split("_")[1];
  const price = (text) => number(text, coin.price_precision);
  return html`<dl class="kv">
      <dt>${t("adopt.coins")}</dt><dd>${number(answer.coins, coin.amount_precision)} ${coin.currency}</dd>
      <dt>${t("adopt.cost", { price: price(answer.price) })}</dt><dd>${number(answer.cost)} ${quote}</dd>
      <dt class="sum">${t("col.breakeven")}</dt><dd class="sum">${answer.breakeven_before && html`<span class="muted">${price(answer.breakeven_before)}</span><span class="arrow">→</span>`}<b class="be">${price(answer.breakeven_after)}</b></dd>
      <dt>${t("col.take_profit")}</dt><dd><b class="gain">${price(answer.take_profit_after)}</b></dd>
      <dt>${answer.next_buy ? t("head.buy_n", { step: answer.next_buy.step }) : t("head.next_buy")}</dt><dd>${answer.next_buy ? `${price(answer.next_buy.price)} · ${number(answer.next_buy.quote)} ${quote}` : "–"}</dd>
      <dt>${t("outlook.ahead")}</dt><dd>${number(answer.cost_ahead)} ${quote}</dd>
      <dt>${t("head.if_sold")}</dt><dd><${Result} value=${answer.result_now} /></dd></dl>
    ${answer.sells_now && html`<p class="msg warn">${t("outlook.sells_now")}</p>`}
    ${answer.buys_now && html`<p class="msg warn">${t("outlook.buys_now")}</p>`}`;
}
