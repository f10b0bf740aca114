/** The order book: running sums from the best price outwards, depth as bars, and what selling the position would eat. */
import { html } from "./lib.js";
import { useAnswer } from "./hooks.js";
import { rich, t } from "./i18n.js";
import { errorText } from "./messages.js";
import { exact, number, percent } from "./numbers.js";
import { state } from "./store.js";
import { age } from "./times.js";

const LEVELS = 8;

export function OrderBook({ coin }) {
  const { answer, failure } = useAnswer("/api/order_book", { base_currency: coin.currency }, { everyMs: 1500, signature: `${coin.held}|${coin.state}` });
  const quote = state.head.money.quote;
  const bids = answer?.bids.slice(0, LEVELS) ?? [], asks = answer?.asks.slice(0, LEVELS) ?? [];
  const most = Math.max(Number(bids.at(-1)?.sum_quote ?? 0), Number(asks.at(-1)?.sum_quote ?? 0));
  const mine = bids.some((level) => level.own);
  const price = (text) => number(text, coin.price_precision);
  return html`<section class="box card" id="book">
    <header><h2>${t("book.title")}</h2><p>${mine ? t("book.tinted", { amount: number(answer.own, coin.amount_precision), currency: coin.currency }) : t("book.means")}</p></header>
    ${failure && html`<p class="msg warn">${errorText(failure)}</p>`}
    ${!answer && !failure && html`<div class="skel"></div>`}
    ${answer && html`<div class="scroll" tabindex="0"><table class="t tight book" data-testid="book"><thead><tr><th>${t("table.price")}</th><th class="r">${coin.currency}</th><th class="r">${t("book.sum", { unit: coin.currency })}</th><th class="r">${t("book.sum", { unit: quote })}</th></tr></thead>
      <tbody>${[...asks].reverse().map((level) => html`<${Level} key=${`a${level.price}`} level=${level} side="ask" most=${most} coin=${coin} />`)}
        <tr class="spread"><td colspan="4"><span>${t("book.spread", { spread: price(answer.spread), percent: percent(answer.spread_pct, 3) })}</span><span class="faint">${t("book.age", { age: age(answer.age_ms) })}</span></td></tr>
        ${bids.map((level) => html`<${Level} key=${`b${level.price}`} level=${level} side="bid" most=${most} coin=${coin} />`)}</tbody></table></div>
      ${Number(answer.own) > 0 && html`<p class="note">${answer.own_average ? rich("book.would_get", { amount: number(answer.own, coin.amount_precision), currency: coin.currency, average: price(answer.own_average) }) : t("book.too_thin", { amount: number(answer.own, coin.amount_precision), currency: coin.currency })}</p>`}`}
  </section>`;
}

/** Sums of coins that cost next to nothing would push each other out of sight. */
function wide(text, decimals) {
  const whole = text.split(".")[0];
  return whole.length > 7 ? html`<span title=${exact(text)}>${t("book.millions", { amount: number(`${whole.slice(0, -6)}.${whole.slice(-6)}`, 1) })}</span>` : number(text, decimals);
}

/** The bar ends at the right edge and is as long as the sum; its word for a screen reader is in the row's own cell. */
function Level({ level, side, most, coin }) {
  const share = most > 0 ? Math.min(100, (Number(level.sum_quote) / most) * 100) : 0;
  return html`<tr class=${`${side}${level.own ? " own" : ""}`}>
    <td class=${side === "ask" ? "loss" : "gain"}>${number(level.price, coin.price_precision)}${level.own && html`<span class="sr"> ${t("book.own")}</span>`}</td>
    <td class="r">${wide(level.amount, coin.amount_precision)}</td><td class="r">${wide(level.sum, coin.amount_precision)}</td>
    <td class="r depth"><svg class="bar" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 1"><rect x=${(100 - share).toFixed(1)} width=${share.toFixed(1)} height="1" /></svg><span>${wide(level.sum_quote, 0)}</span></td>
  </tr>`;
}
