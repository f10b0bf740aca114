/** Fills of a cycle, oldest first: the price an order was decided on beside the one it got, amount, money, fee, id. */
import { html } from "./lib.js";
import { t } from "./i18n.js";
import { exact, number, signedPercent } from "./numbers.js";
import { what } from "./reasons.js";
import { state } from "./store.js";
import { moment, utc } from "./times.js";

/** How far the fill lies from the promise, in %: above 0 is worse for a buy and better for a sale. */
const slip = (fill) => (Number(fill.promised) ? (Number(fill.price) / Number(fill.promised) - 1) * 100 : null);

export function FillsTable({ coin, fills, foot = null }) {
  const quote = state.head.money.quote;
  const price = (text) => number(text, coin.price_precision);
  const one = (fill) => {
    const off = slip(fill);
    return html`<tr key=${fill.id}><td title=${utc(fill.time_ms)}>${moment(fill.time_ms)}</td><td>${what(fill.step === null ? fill.why : `${fill.why} ${fill.step}`)}</td><td class="r muted">${Number(fill.promised) ? price(fill.promised) : "–"}</td><td class="r" title=${off === null ? "" : signedPercent(off, 3)}>${price(fill.price)}</td><td class="r">${number(fill.base, coin.amount_precision)}</td><td class="r">${number(fill.quote)}</td><td class="r">${exact(fill.fee)} ${fill.fee_currency}</td><td class="mono">${fill.client_id}</td></tr>`;
  };
  return html`<div class="scroll" tabindex="0"><table class="t"><thead><tr><th>${t("trades.time")}</th><th>${t("trades.what")}</th><th class="r">${t("cycle.promised")}</th><th class="r">${t("cycle.actual")}</th><th class="r">${coin.currency}</th><th class="r">${quote}</th><th class="r">${t("trades.fee")}</th><th>${t("trades.order")}</th></tr></thead>
    <tbody>${fills.map(one)}${foot}</tbody></table></div>`;
}
