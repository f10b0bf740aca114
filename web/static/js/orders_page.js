/** Orders with what became of them; those of unknown outcome stand above everything. */
import { html } from "./lib.js";
import { isReady } from "./coin_facts.js";
import { useAnswer, useStore } from "./hooks.js";
import { has, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { exact, number } from "./numbers.js";
import { what } from "./reasons.js";
import { ReconcileCard } from "./reconcile_card.js";
import { now, state } from "./store.js";
import { age, moment, utc } from "./times.js";

const outcomeOf = (order) => order.outcome ?? (order.state === "unknown" ? "unknown" : "open");

export function OrdersPage() {
  useStore();
  const { answer } = useAnswer("/api/orders", { limit: 100 }, { everyMs: 2000, paused: !isReady(state.head) });
  if (!isReady(state.head)) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  const unknown = state.head.truth.unknown_orders;
  const list = answer?.orders ?? [];
  return html`
    <h1 class="page-title">${t("nav.orders")}</h1>
    ${unknown.map((order) => html`<p key=${order.client_id} class="msg danger"><${Icon} name="unknown" /><span><b>${t("orders.unknown", { currency: order.currency, what: what(order.what), age: age(now() - order.since_ms) })}</b> ${t("orders.unknown_means", { currency: order.currency })} <span class="mono">${order.client_id}</span></span></p>`)}
    <section class="box card">
      ${answer && !list.length && html`<div class="empty"><h3>${t("orders.none")}</h3></div>`}
      ${list.length > 0 && html`<div class="scroll" tabindex="0"><table class="t"><thead><tr><th>${t("trades.time")}</th><th>${t("col.coin")}</th><th>${t("trades.side")}</th><th>${t("trades.what")}</th><th class="r">${t("orders.asked")}</th><th class="r">${t("orders.got")}</th><th>${t("orders.outcome")}</th><th>${t("trades.order")}</th></tr></thead>
        <tbody>${list.map((order) => {
          const outcome = outcomeOf(order);
          const tone = outcome === "unknown" ? "danger fill" : outcome === "filled" ? "" : outcome === "open" ? "go" : "warn";
          const unit = order.side === "buy" && order.type === "market" ? state.head.money.quote : order.currency;
          return html`<tr key=${order.client_id}><td title=${utc(order.created_ms)}>${moment(order.created_ms)}</td><td><a href=${`#/coin/${order.currency}`}>${order.currency}</a></td><td>${t(`side.${order.side}`)}</td><td>${what(order.step === null ? order.why : `${order.why} ${order.step}`)}</td><td class="r">${exact(order.amount)} ${unit}</td><td class="r">${Number(order.filled_base) ? `${exact(order.filled_base)} / ${number(order.filled_quote)}` : "–"}</td><td><span class=${`st ${tone}`}>${has(`outcome.${outcome}`) ? t(`outcome.${outcome}`) : outcome}</span>${order.label && order.label !== outcome && html` <span class="mono faint">${order.label.slice(0, 60)}</span>`}</td><td class="mono">${order.client_id}</td></tr>`;
        })}</tbody></table></div>`}
    </section>
    <${ReconcileCard} />`;
}
