/** An order's life with its ids: what was wanted, sent, answered, filled and settled, and its other attempts. */
import { html } from "./lib.js";
import { Dialog } from "./dialog.js";
import { useAnswer } from "./hooks.js";
import { has, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { exact, number } from "./numbers.js";
import { outcomeOf, stepsOf, toneOf } from "./order_life.js";
import { what } from "./reasons.js";
import { state } from "./store.js";
import { clock, moment, utc } from "./times.js";

const Id = ({ name, value }) => html`<dt>${name}</dt><dd class="mono">${value || "–"}</dd>`;
const MAYBE_SENT = new Set(["open", "unknown", "absent"]);
const glyph = { true: "done", false: "wait", null: "off" };

export function OrderDrawer({ label, onOpen, onClose }) {
  const { answer, failure } = useAnswer("/api/order", { client_id: label }, { everyMs: 2000 });
  const order = answer?.order;
  const outcome = order ? outcomeOf(order) : null;
  const title = order ? t("life.title", { what: what(order.step === null ? order.why : `${order.why} ${order.step}`), currency: order.currency }) : label;
  const badge = outcome && html`<span class=${`st ${toneOf(outcome)}`}>${has(`outcome.${outcome}`) ? t(`outcome.${outcome}`) : outcome}</span>`;
  return html`<${Dialog} title=${title} badge=${badge} side=${label} onClose=${onClose} foot=${html`<p>${t("life.note")}</p><button type="button" class="btn" data-safe onClick=${onClose}>${t("close")}</button>`}>
    ${failure && html`<p class="msg warn">${t("life.failed")}</p>`}
    ${!order && !failure && html`<div class="skel"></div>`}
    ${order && html`<${Life} order=${order} onOpen=${onOpen} />`}
  <//>`;
}

function Life({ order, onOpen }) {
  const quote = order.symbol.split("_")[1];
  const buyByQuote = order.side === "buy" && order.type === "market";
  const precision = state.coins.get(order.currency)?.price_precision;
  const price = (text) => (precision === undefined ? exact(text) : number(text, precision));
  const values = {
    amount: `${exact(order.amount)} ${buyByQuote ? quote : order.currency}`, seen: price(order.seen_price), worst: Number(order.worst_price) ? price(order.worst_price) : t("life.any_price"),
    side: t(`side.${order.side}`), expires: order.expires_ms ? clock(order.expires_ms) : "–", order_id: order.order_id || "–", label: order.label || "–",
    base: `${exact(order.filled_base)} ${order.currency}`, quote: `${number(order.filled_quote)} ${quote}`, count: order.fills.length,
  };
  return html`<ol class="life">${stepsOf(order).map((step) => html`<li key=${step.name} class=${String(step.done)}><span class="mark"><${Icon} name=${step.name === "answered" && outcomeOf(order) === "unknown" ? "unknown" : glyph[step.done]} /></span><div><b>${t(`life.${step.name}`)}</b> ${step.at && html`<time class="faint xs" title=${utc(step.at)}>${moment(step.at)}</time>`}
      <p class="muted xs">${t(`life.${step.name}.${sayingOf(step, order)}`, values)}</p></div></li>`)}</ol>
    ${order.fills.length > 0 && html`<div class="scroll" tabindex="0"><table class="t dense"><thead><tr><th>${t("trades.time")}</th><th class="r">${t("table.price")}</th><th class="r">${t("table.amount")}</th><th class="r">${quote}</th><th class="r">${t("trades.fee")}</th><th>${t("life.trade_id")}</th></tr></thead><tbody>${order.fills.map((fill) => html`<tr key=${fill.trade_id}><td title=${utc(fill.time_ms)}>${moment(fill.time_ms)}</td><td class="r">${price(fill.price)}</td><td class="r">${exact(fill.base)}</td><td class="r">${number(fill.quote)}</td><td class="r">${exact(fill.fee)} ${fill.fee_currency}</td><td class="mono">${fill.trade_id}</td></tr>`)}</tbody></table></div>`}
    <dl class="kv"><${Id} name=${t("life.client_id")} value=${order.client_id} /><${Id} name=${t("life.order_id")} value=${order.order_id} /><${Id} name=${t("history.cycle")} value=${`#${order.cycle_id}`} /><${Id} name=${t("life.attempt")} value=${order.attempt} /></dl>
    ${order.attempts.length > 1 && html`<p class="note">${t("life.attempts")} ${order.attempts.filter((one) => one.client_id !== order.client_id).map((one) => html`<button type="button" key=${one.client_id} class="as-link mono" onClick=${() => onOpen(one.client_id)}>${one.client_id}</button> `)}</p>`}`;
}

/** Which sentence of a step is true. */
function sayingOf(step, order) {
  const outcome = outcomeOf(order);
  if (step.name === "answered" && outcome === "unknown") return "unknown";
  // Whether it left before the answer was lost, or the program died, nobody knows; that it left once at most is sure.
  if (step.name === "sent" && MAYBE_SENT.has(outcome)) return "maybe";
  if (step.done === null) return "never";
  if (!step.done) return "waits";
  if (step.name === "settled") return outcome === "filled" ? "filled" : "ended";
  return "done";
}
