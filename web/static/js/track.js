/**
 * Where the price is between the next buy (left, dashed) and the take-profit (right, thick), with breakeven between.
 * A price beyond an end stays at it and the end says "reached". An old price is hollow and grey. Percentages only, so
 * it resizes without a script.
 */
import { html } from "./lib.js";
import { isActive } from "./coin_facts.js";
import { t } from "./i18n.js";
import { number, signedPercent } from "./numbers.js";

const LEFT = 2, RIGHT = 98;
const pct = (value) => `${value.toFixed(1)}%`;

/** Places on the line, in %: pure. Without a next buy the line begins as far below the price as the exit is above breakeven. */
export function places({ low, high, breakeven, price }) {
  const floor = low ?? Math.min(price, breakeven) - (high - breakeven) * 2;
  const width = Math.max(high - floor, Number.EPSILON);
  const at = (value) => LEFT + ((Math.min(Math.max(value, floor), high) - floor) / width) * (RIGHT - LEFT);
  return { breakeven: at(breakeven), price: at(price), below: low !== null && price <= low, above: price >= high };
}

const Line = (props) => html`<line y1="10" y2="10" ...${props} />`;

export function Track({ coin, stale }) {
  if (!isActive(coin) || coin.take_profit === null) return html`<${NoCycle} coin=${coin} />`;
  const price = Number(coin.bid ?? coin.last ?? coin.breakeven);
  const high = Number(coin.take_profit);
  const breakeven = Number(coin.breakeven);
  const low = coin.next_buy ? Number(coin.next_buy.price) : null;
  const spot = places({ low, high, breakeven, price });
  const gain = price >= breakeven;
  const tone = stale ? "var(--faint)" : gain ? "var(--gain)" : "var(--loss)";
  const [from, to] = [Math.min(spot.price, spot.breakeven), Math.max(spot.price, spot.breakeven)];
  const price_ = (text) => number(text, coin.price_precision);
  const reached = coin.distance_buy_pct !== null && Number(coin.distance_buy_pct) >= 0;
  const label = t("track.label", {
    low: low === null ? t("track.no_buy") : price_(coin.next_buy.price), high: price_(coin.take_profit),
    breakeven: price_(coin.breakeven), price: price_(coin.bid),
  });
  return html`
    <svg class="track" role="img" aria-label=${label}>
      <${Line} x1=${pct(LEFT)} x2=${pct(RIGHT)} stroke="var(--line-strong)" stroke-width="2" />
      <${Line} x1=${pct(from)} x2=${pct(to)} stroke=${tone} stroke-width="4" opacity=".75" />
      ${low !== null && html`<line x1=${pct(LEFT)} x2=${pct(LEFT)} y1="3" y2="17" stroke="var(--lv-step)" stroke-width="2.5" stroke-dasharray="3 2" />`}
      <line x1=${pct(spot.breakeven)} x2=${pct(spot.breakeven)} y1="2" y2="18" stroke="var(--lv-be)" stroke-width="2" />
      <line x1=${pct(RIGHT)} x2=${pct(RIGHT)} y1="3" y2="17" stroke="var(--lv-tp)" stroke-width="3" />
      <circle cx=${pct(spot.price)} cy="10" r="5.5" fill=${stale ? "var(--surface)" : "var(--text)"} stroke=${stale ? "var(--faint)" : "var(--surface)"} stroke-width="2" />
    </svg>
    <div class="ends">
      ${low === null ? html`<em>${t("track.no_buy")}</em>` : html`<span>${price_(coin.next_buy.price)} <em>${reached ? t("track.reached") : signedPercent(coin.distance_buy_pct)}</em></span>`}
      <span><em>${Number(coin.distance_sell_pct) <= 0 && coin.distance_sell_pct !== null ? t("track.reached") : signedPercent(coin.distance_sell_pct)}</em> ${price_(coin.take_profit)}</span>
    </div>`;
}

const NoCycle = ({ coin }) => html`
  <svg class="track" aria-hidden="true"><line x1="0" x2="100%" y1="10" y2="10" stroke="var(--line-strong)" stroke-width="2" stroke-dasharray="2 5" /></svg>
  <div class="ends"><em>${coin.first_order && coin.switch === "on" && !coin.paused ? t("track.first_buy", { amount: number(coin.first_order) }) : t("track.no_cycle")}</em></div>`;
