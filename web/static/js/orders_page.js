/** Orders with what became of them; those of unknown outcome stand above everything. An order opens its life. */
import { html, useState } from "./lib.js";
import { isReady } from "./coin_facts.js";
import { FilterBar, Older, asked } from "./filter_bar.js";
import { useStore } from "./hooks.js";
import { has, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { JournalTabs } from "./journal_tabs.js";
import { exact, number } from "./numbers.js";
import { OrderDrawer } from "./order_drawer.js";
import { outcomeOf, toneOf } from "./order_life.js";
import { usePages } from "./pages.js";
import { what } from "./reasons.js";
import { ReconcileCard } from "./reconcile_card.js";
import { now, state } from "./store.js";
import { age, moment, utc } from "./times.js";

const FIELDS = ["side", "why", "state"];

export function OrdersPage({ query }) {
  useStore();
  const ready = isReady(state.head);
  const table = usePages("/api/orders", { ...asked(query, FIELDS), limit: 100 }, "orders", { everyMs: 2000, paused: !ready });
  const [opened, setOpened] = useState(null);
  if (!ready) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  const unknown = state.head.truth.unknown_orders;
  const filtered = Object.keys(asked(query, FIELDS)).length > 0;
  return html`
    ${unknown.map((order) => html`<p key=${order.client_id} class="msg danger"><${Icon} name="unknown" /><span><b>${t("orders.unknown", { currency: order.currency, what: what(order.what), age: age(now() - order.since_ms) })}</b> ${t("orders.unknown_means", { currency: order.currency })} <button type="button" class="as-link mono" onClick=${() => setOpened(order.client_id)}>${order.client_id}</button></span></p>`)}
    <${FilterBar} place="orders" query=${query} fields=${FIELDS} file="/api/orders.csv"><${JournalTabs} here="orders" /><//>
    <section class="box card">
      ${table.loaded && !table.rows.length && html`<div class="empty"><h3>${t(filtered ? "filter.nothing" : "orders.none")}</h3></div>`}
      ${table.rows.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${t("journal.orders")}><table class="t" data-testid="orders"><thead><tr><th>${t("trades.time")}</th><th>${t("col.coin")}</th><th>${t("trades.side")}</th><th>${t("trades.what")}</th><th class="r">${t("orders.asked")}</th><th class="r">${t("orders.got")}</th><th>${t("orders.outcome")}</th><th>${t("trades.order")}</th></tr></thead>
        <tbody>${table.rows.map((order) => {
          const outcome = outcomeOf(order);
          const unit = order.side === "buy" && order.type === "market" ? state.head.money.quote : order.currency;
          return html`<tr key=${order.client_id}><td title=${utc(order.created_ms)}>${moment(order.created_ms)}</td><td><a href=${`#/coin/${order.currency}`}>${order.currency}</a></td><td>${t(`side.${order.side}`)}</td><td>${what(order.step === null ? order.why : `${order.why} ${order.step}`)}</td><td class="r">${exact(order.amount)} ${unit}</td><td class="r">${Number(order.filled_base) ? `${exact(order.filled_base)} / ${number(order.filled_quote)}` : "–"}</td><td><span class=${`st ${toneOf(outcome)}`}>${has(`outcome.${outcome}`) ? t(`outcome.${outcome}`) : outcome}</span>${order.label && order.label !== outcome && html` <span class="mono faint" title=${order.label}>${order.label.slice(0, 60)}</span>`}</td><td><button type="button" class="as-link mono" onClick=${() => setOpened(order.client_id)}>${order.client_id}</button></td></tr>`;
        })}</tbody></table></div><${Older} table=${table} />`}
    </section>
    <${ReconcileCard} />
    ${opened && html`<${OrderDrawer} label=${opened} onOpen=${setOpened} onClose=${() => setOpened(null)} />`}`;
}
