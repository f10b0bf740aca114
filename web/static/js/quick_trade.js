/** A person's own buy and sale: what it would do, then a dialog, then what became of it. */
import { html, useRef, useState } from "./lib.js";
import { signatureOf } from "./breakeven_table.js";
import { isActive } from "./coin_facts.js";
import { Result } from "./figures.js";
import { useAnswer, useStore } from "./hooks.js";
import { rich, t } from "./i18n.js";
import { number, parsed, signedPercent } from "./numbers.js";
import { OrderButton } from "./order_button.js";
import { errorText } from "./messages.js";
import { priceAge, state } from "./store.js";

const OLD_MS = 5000;

export function QuickTrade({ coin, actions }) {
  const [side, setSide] = useState("buy");
  const ask = (props) => actions.ask({ name: "confirm", coin: coin.currency, props });
  return html`<section class="box card" id="trade">
    <header><h2>${t("quick.title")}</h2><p>${t("quick.means")}</p><span class="push seg">
      <button type="button" aria-pressed=${String(side === "buy")} onClick=${() => setSide("buy")}>${t("quick.buy")}</button>
      <button type="button" aria-pressed=${String(side === "sell")} onClick=${() => setSide("sell")}>${t("quick.sell_all")}</button></span></header>
    ${side === "buy" ? html`<${Buy} coin=${coin} ask=${ask} />` : html`<${Sell} coin=${coin} ask=${ask} />`}
  </section>`;
}

const isOld = (currency) => { const ms = priceAge(currency); return ms === null || ms > OLD_MS; };

/** The ask that is on the page when the button is pressed: the engine refuses when it has risen by then. */
const shownPrice = (currency) => { const { ask } = state.coins.get(currency); return ask === null ? {} : { shown_price: ask }; };

/** What the dialog tells of the engine's answer; a fill beside what was promised when it was sent. */
const told = (coin, quote, promised) => (answer) => ({
  outcome: answer.outcome,
  text: answer.outcome === "filled" ? t("quick.filled", { base: number(answer.base, coin.amount_precision), currency: coin.currency, amount: number(answer.quote), quote }) : t(`quick.${answer.outcome}`),
  details: answer.outcome === "filled" ? html`<${Compared} currency=${coin.currency} promised=${promised.current} answer=${answer} />` : null,
});

/** Promised against actual. Breakeven is the open cycle's as the engine pushes it. */
function Compared({ currency, promised, answer }) {
  useStore();
  const coin = state.coins.get(currency);
  const price = (text, more = 0) => number(text, coin.price_precision + more);
  const lines = [
    ["quick.average", price(promised?.average, 2), price(answer.average, 2)],
    ["quick.got", number(promised?.base, coin.amount_precision), number(answer.base, coin.amount_precision)],
    ["quick.got_quote", number(promised?.quote), number(answer.quote)],
    ...(promised?.breakeven ? [["col.breakeven", price(promised.breakeven), isActive(coin) ? price(coin.breakeven) : "–"]] : []),
  ];
  return html`<table class="t tight oldnew" data-testid="compared"><caption class="sr">${t("quick.against")}</caption><thead><tr><th></th><th class="r">${t("cycle.promised")}</th><th class="r">${t("cycle.actual")}</th></tr></thead>
    <tbody>${lines.map(([name, was, is]) => html`<tr key=${name}><td>${t(name)}</td><td class="muted">${was}</td><td>${is}</td></tr>`)}</tbody></table>`;
}

function Buy({ coin, ask }) {
  const [typed, setTyped] = useState("");
  const amount = typed.trim() ? parsed(typed) : "";
  const bad = amount === null || (amount !== "" && Number(amount) <= 0);
  const quote = state.head.money.quote;
  const { answer, failure } = useAnswer("/api/trade/quick/preview", { base_currency: coin.currency, quote_amount: bad ? "" : amount }, { everyMs: 1000, paused: bad, signature: signatureOf(coin) });
  const price = (text) => number(text, coin.price_precision);
  const sum = number(answer?.amount);
  const promised = useRef(null);
  const press = () => ask({
    title: t("quick.confirm_buy", { currency: coin.currency, amount: sum, quote }),
    say: t(isActive(coin) ? "quick.buy_adds" : "quick.buy_starts", { currency: coin.currency }),
    path: "/api/trade/quick/buy", body: () => ({ base_currency: coin.currency, ...(amount ? { quote_amount: amount } : {}), ...shownPrice(coin.currency) }),
    label: t("quick.do_buy", { amount: sum, quote, currency: coin.currency }), spends: true, told: told(coin, quote, promised),
    children: html`<${LiveBuy} currency=${coin.currency} amount=${amount} promised=${promised} />`,
  });
  return html`
    <div class="form"><div class="f full"><label for="quick-amount">${t("quick.amount")}<em class=${bad ? "c" : ""}>${bad ? t("ladder.not_a_number") : amount ? t("reads_as", { value: `${number(amount, Math.max(2, (amount.split(".")[1] ?? "").length))} ${quote}` }) : t("quick.start_volume", { amount: sum, quote })}</em></label>
      <span class="u"><input id="quick-amount" value=${typed} placeholder=${answer?.amount ?? ""} inputmode="decimal" autocomplete="off" class=${bad ? "bad" : ""} onInput=${(event) => setTyped(event.target.value)} /><em>${quote}</em></span></div></div>
    ${failure && html`<p class="msg warn">${errorText(failure)}</p>`}
    <${BuyFigures} answer=${answer} coin=${coin} quote=${quote} price=${price} />
    <${OrderButton} phase="idle" wide spends label=${t("quick.ask_buy", { amount: sum, quote, currency: coin.currency })} disabled=${bad || !answer?.average || isOld(coin.currency) || Boolean(coin.order)} why=${coin.order ? t("quick.waits_order") : t("on.too_old")} onPress=${press} />
    <p class="note">${coin.order ? t("quick.waits_order") : isOld(coin.currency) ? t("on.too_old") : t("quick.asks_again")}</p>`;
}

/** The figures of the dialog: from the book as it is now; the newest ones are what a fill is compared with. */
function LiveBuy({ currency, amount, promised }) {
  useStore();
  const coin = state.coins.get(currency);
  const { answer } = useAnswer("/api/trade/quick/preview", { base_currency: currency, quote_amount: amount }, { everyMs: 1000, signature: signatureOf(coin) });
  if (answer) promised.current = { average: answer.average, base: answer.coins, quote: answer.cost, breakeven: answer.breakeven_after };
  return html`<${BuyFigures} answer=${answer} coin=${coin} quote=${state.head.money.quote} price=${(text) => number(text, coin.price_precision)} />`;
}

function BuyFigures({ answer, coin, quote, price }) {
  if (!answer) return html`<div class="skel"></div>`;
  const arrow = (before, after, look, top = false) => html`<dd class=${top ? "sum" : ""}>${before && html`<span class="muted">${price(before)}</span><span class="arrow">→</span>`}<b class=${look}>${price(after)}</b></dd>`;
  return html`<dl class="kv">
    <dt>${t("quick.average")}</dt><dd>${number(answer.average, coin.price_precision + 2)}</dd>
    <dt>${t("quick.slippage", { price: price(coin.ask) })}</dt><dd>${signedPercent(answer.slippage_pct, 3)}</dd>
    <dt>${t("quick.gets", { fee: number(coin.fee_pct, 2), currency: coin.currency })}</dt><dd>${number(answer.gets, coin.amount_precision + 2)} ${coin.currency}</dd>
    <dt class="sum">${t("col.breakeven")}</dt>${arrow(answer.breakeven_before, answer.breakeven_after, "be", true)}
    <dt>${t("col.take_profit")}</dt>${arrow(answer.take_profit_before, answer.take_profit_after, "gain")}
    <dt>${t("quick.free_after")}</dt><dd class=${Number(answer.free_after) < 0 ? "danger" : ""}>${number(answer.free_after)} ${quote}</dd>
  </dl>`;
}

function Sell({ coin, ask }) {
  const [then, setThen] = useState("pause");
  const { answer } = useAnswer("/api/trade/quick/preview", { base_currency: coin.currency }, { everyMs: 1000, signature: signatureOf(coin) });
  const quote = state.head.money.quote;
  const sell = answer?.sell ?? null;
  const outside = !isActive(coin) && Number(coin.outside) > 0;
  const amount = sell ? number(sell.amount, coin.amount_precision) : outside ? number(coin.outside, coin.amount_precision) : null;
  const nothing = amount === null;
  const figures = html`<dl class="kv">
    <dt>${t("quick.sells")}</dt><dd>${amount ?? "–"} ${amount && coin.currency}</dd>
    <dt>${t("quick.average")}</dt><dd>${number(sell?.average ?? (outside ? coin.bid : null), coin.price_precision)}</dd>
    <dt>${t("quick.result")}</dt><dd><${Result} value=${sell?.result ?? null} /></dd>
    <dt>${t("quick.then")}</dt><dd>${t(`quick.then_${then}`)}</dd>
  </dl>`;
  const press = () => ask({
    title: t("quick.confirm_sell", { currency: coin.currency }), say: t(`quick.then_${then}_means`, { currency: coin.currency }),
    path: "/api/trade/quick/sell_all", body: { base_currency: coin.currency, then },
    label: t("quick.do_sell", { amount: amount ?? "", currency: coin.currency }), spends: true, told: told(coin, quote, { current: { average: sell?.average ?? coin.bid, base: sell?.amount ?? coin.outside, quote: sell?.brings ?? null } }), children: figures,
  });
  return html`${figures}
    <fieldset class="then"><legend class="sr">${t("quick.then")}</legend>${["pause", "restart"].map((name) => html`<label key=${name}><input type="radio" name="then" value=${name} checked=${then === name} onChange=${() => setThen(name)} /><span>${rich(`quick.choose_${name}`)}</span></label>`)}</fieldset>
    <${OrderButton} phase="idle" wide spends label=${nothing ? t("quick.nothing_to_sell") : t("quick.ask_sell", { amount, currency: coin.currency })} disabled=${nothing || isOld(coin.currency) || Boolean(coin.order)} why=${nothing ? t("quick.nothing_to_sell") : coin.order ? t("quick.waits_order") : t("on.too_old")} onPress=${press} />
    <p class="note">${coin.order ? t("quick.waits_order") : t(`quick.then_${then}_means`, { currency: coin.currency })}</p>`;
}
