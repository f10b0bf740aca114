/** Small signs of a coin: its state, its switch, its steps. */
import { html } from "./lib.js";
import { isActive } from "./coin_facts.js";
import { t } from "./i18n.js";
import { Icon } from "./icons.js";

/** State badge: glyph and word, in the tone of the reason. */
export const Badge = ({ glyph, word, tone }) => html`<span class=${`st ${tone}`}><${Icon} name=${glyph} />${word}</span>`;

/** A switch: position, shape and word say the same. It shows what the engine has, never what was wished. */
export const Switch = ({ checked, label, onPress, busy = false }) => html`
  <button type="button" class="sw" role="switch" aria-checked=${checked} aria-label=${label} title=${t(`switch.${checked}`)}
    disabled=${busy} onClick=${(event) => { event.stopPropagation(); onPress(); }}><i></i></button>`;

const SHOWN_MAX = 12;

/** One mark per step: filled = bought, hatched = order in flight, hollow = ahead. Long ladders show no more than 12. */
export function Pips({ coin }) {
  const total = Math.min(coin.steps_total, SHOWN_MAX);
  const shown = coin.steps_total > SHOWN_MAX ? Math.round((coin.steps_used / coin.steps_total) * SHOWN_MAX) : coin.steps_used;
  const buying = isActive(coin) && coin.order && /^(rebuy|quick_buy)/.test(coin.order.what) ? shown : -1;
  const look = (at) => (at === buying ? "go" : at < shown ? "on" : "");
  return html`<span class="pips" aria-hidden="true">${Array.from({ length: total }, (_, at) => html`<i key=${at} class=${look(at)}></i>`)}</span>`;
}
