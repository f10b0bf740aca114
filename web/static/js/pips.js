/** One mark per step: filled = bought, hatched = order in flight, hollow = ahead. Long ladders show no more than 12. */
import { html } from "./lib.js";
import { isActive } from "./coin_facts.js";

const SHOWN_MAX = 12;

export function Pips({ coin }) {
  const total = Math.min(coin.steps_total, SHOWN_MAX);
  const shown = coin.steps_total > SHOWN_MAX ? Math.round((coin.steps_used / coin.steps_total) * SHOWN_MAX) : coin.steps_used;
  const buying = isActive(coin) && coin.order && /^(rebuy|quick_buy)/.test(coin.order.what) ? shown : -1;
  const look = (at) => (at === buying ? "go" : at < shown ? "on" : "");
  return html`<span class="pips" aria-hidden="true">${Array.from({ length: total }, (_, at) => html`<i key=${at} class=${look(at)}></i>`)}</span>`;
}
