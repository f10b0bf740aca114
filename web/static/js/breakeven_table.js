/** The breakeven table: what happened, where the price is, what comes. The rows are the engine's own thresholds. */
import { html, useState } from "./lib.js";
import { isActive } from "./coin_facts.js";
import { Result } from "./figures.js";
import { useAnswer } from "./hooks.js";
import { rich, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { errorText } from "./messages.js";
import { number, signed, signedPercent } from "./numbers.js";
import { state } from "./store.js";

/** Changes exactly when the engine's table may have: pure. */
export const signatureOf = (coin) => [coin.cycle_id, coin.state, coin.steps_used, coin.steps_total, coin.invested, coin.held, coin.take_profit, coin.next_buy?.price, coin.ladder_cost, coin.budget].join("|");

const COLUMNS = 13;

/** The engine's table of a coin, asked again when it may have changed: {answer, failure}. */
export const useTable = (coin, revision) => useAnswer("/api/breakeven/table", { base_currency: coin?.currency }, { signature: coin && `${signatureOf(coin)}|${revision}`, everyMs: coin && isActive(coin) ? 15000 : 3000, paused: !coin });

/** `chosen`: {step, price} of the row whose line the chart shows; `onChoose` hears of another, or null for none. */
export function BreakevenTable({ coin, table: { answer, failure }, chosen, onChoose }) {
  const [all, setAll] = useState(false);
  const idle = !isActive(coin);
  const quote = state.head.money.quote;
  return html`<section class="box card" id="table">
    <header><h2>${t("table.title")}</h2><p>${t(idle ? "table.planned" : "table.real")}</p>
      <button type="button" class="btn s phone" aria-pressed=${String(all)} onClick=${() => setAll(!all)}>${t(all ? "table.fewer" : "table.all", { count: COLUMNS })}</button>
      <span class="push legend xs muted"><span class="st q xs"><${Icon} name="done" />${t("table.bought")}</span><span class="st q xs"><${Icon} name="go" />${t("table.active")}</span></span></header>
    ${failure && html`<p class="msg warn">${errorText(failure)}</p>`}
    ${answer?.error && html`<p class="msg warn"><${Icon} name="look" /><span><b>${t("on.cannot")}</b> ${t(`param.${answer.error.field}`)}: ${answer.error.message}</span></p>`}
    ${answer?.warnings.map((one) => html`<p key=${one.code} class="note w">${t(`warning.${one.code}`, { ...one.values, dust: number(one.values.dust_pct), tick: number(one.values.tick_pct) })}</p>`)}
    ${answer && answer.rows.length > 0 && html`<div class=${`scroll${all ? " all" : ""}`} tabindex="0"><table class="t be-t" data-testid="breakeven">
      <thead><tr>
        <th>${t("table.step")}</th><th class="r">${t("table.price")}</th><th class="r opt">${t("table.fall")}</th><th class="r opt">${t("table.from_start")}</th>
        <th class="r">${t("table.buy")}<br />${quote}</th><th class="r opt">${t("table.amount")}<br />${coin.currency}</th><th class="r opt">${t("table.invested")}<br />${quote}</th><th class="r opt">${t("table.held")}<br />${coin.currency}</th>
        <th class="r">${t("col.breakeven")}</th><th class="r">${t("table.rise")}<br />${t("table.to_breakeven")}</th><th class="r">${t("col.take_profit")}</th><th class="r opt">${t("table.rise")}<br />${t("table.to_profit")}</th><th class="r opt">${t("table.profit")}<br />${quote}</th>
      </tr></thead>
      <tbody>${rowsWithPrice(answer, coin, idle, { chosen, onChoose })}</tbody>
    </table></div>
    <p class="note">${rich("table.costs", { cost: number(answer.cost), ahead: number(answer.cost_ahead), quote })}</p>`}
    ${!answer && !failure && html`<div class="skel"></div>`}
  </section>`;
}

/** The live price stands below the last row that it has not fallen through. */
function rowsWithPrice({ rows, active_step: activeStep }, coin, idle, choice) {
  const ask = Number(coin.ask ?? 0);
  const lastDone = rows.findLastIndex((row) => row.done);
  let after = lastDone;
  for (let at = lastDone + 1; at < rows.length && ask && ask <= Number(rows[at].price); at += 1) after = at;
  const nextAt = lastDone + 1;
  const drawn = rows.map((row, at) => html`<${Row} key=${at} row=${row} before=${rows[at - 1]} coin=${coin} ...${choice}
    look=${row.active ? "active" : row.done ? "done" : at === nextAt && !idle ? "next" : idle ? "next" : "ahead"} step=${row.step === null ? "+" : row.step === 0 ? t("step.start") : row.step} />`);
  if (activeStep !== null && !idle) drawn.splice(after + 1, 0, html`<${NowRow} key="now" coin=${coin} />`);
  return drawn;
}

function Row({ row, before, coin, look, step, chosen, onChoose }) {
  const price = (text) => number(text, coin.price_precision);
  const fall = before ? (Number(row.price) / Number(before.price) - 1) * 100 : null;
  const fromStart = before ? -Number(row.drop_total_pct) : null;
  const picked = chosen !== null && chosen.step === row.step && chosen.price === row.price;
  const pick = () => onChoose(picked ? null : { step: row.step, price: row.price });
  return html`<tr class=${`${look}${picked ? " picked" : ""}`} onClick=${pick}>
    <td><span class="step"><button type="button" class="as-link" aria-pressed=${String(picked)} title=${t("table.show_line")} onClick=${(event) => { event.stopPropagation(); pick(); }}>${step}</button> ${look === "done" && html`<${Icon} name="done" />`}${look === "active" && html`<${Icon} name="go" />`}</span></td>
    <td class="r">${price(row.price)}</td><td class="r opt">${signedPercent(fall)}</td><td class="r opt">${signedPercent(fromStart)}</td>
    <td class="r">${number(row.done ? row.spent : row.quote)}</td><td class="r opt">${number(row.gross, coin.amount_precision)}</td><td class="r opt">${number(row.invested)}</td><td class="r opt">${number(row.held, coin.amount_precision + 2)}</td>
    <td class="r be">${price(row.breakeven)}</td><td class="r">${signedPercent(row.rise_to_breakeven_pct)}</td><td class="r gain">${price(row.take_profit)}</td><td class="r opt">${signedPercent(row.rise_to_profit_pct)}</td><td class="r opt">${signed(row.profit_quote)}</td>
  </tr>`;
}

function NowRow({ coin }) {
  const bid = Number(coin.bid ?? 0);
  const toBreakeven = bid ? (Number(coin.breakeven) / bid - 1) * 100 : null;
  return html`<tr class="nowrow"><td colspan=${COLUMNS}><span class="live">
    <b>${t("table.now", { price: number(coin.bid, coin.price_precision) })}</b>
    ${coin.next_buy && html`<span class="muted">${rich("table.buy_in", { step: coin.next_buy.step, percent: signedPercent(coin.distance_buy_pct) })}</span>`}
    <span class="muted">${rich("table.breakeven_in", { percent: signedPercent(toBreakeven) })}</span>
    <span class="muted">${rich("table.profit_in", { percent: signedPercent(coin.distance_sell_pct) })}</span>
    <span class="muted">${t("table.if_sold")} <b><${Result} value=${coin.unrealised} /></b></span>
  </span></td></tr>`;
}
