/** What the figures below rest on. A bad item turns into a diamond, moves first and leads to what is being done. */
import { html } from "./lib.js";
import { useTicks } from "./hooks.js";
import { t } from "./i18n.js";
import { number, signed } from "./numbers.js";
import { now, priceAge, state } from "./store.js";
import { age } from "./times.js";

const OLD_MS = 3000;
const CLOCK_BAD_MS = 1000;

const detailOf = ({ family, detail }) => {
  const rest = (detail ?? "").replace(family, "").trim();
  return rest ? `, ${rest}` : "";
};

/** Every item as {name, value, bad, href}. */
export function items(head, oldestMs, nowMs, connected) {
  const { truth, feed } = head;
  const unknown = truth.unknown_orders.length;
  const list = [
    { name: t("truth.prices"), value: age(oldestMs), bad: oldestMs !== null && oldestMs > OLD_MS },
    { name: t("truth.feed"), value: `${t(`feed.${feed.family}`)}${detailOf(feed)}${feed.connected ? "" : `: ${t("truth.broken")}`}`, bad: !feed.connected },
    { name: t("truth.reconciled"), value: truth.reconciled_ms ? t("truth.reconciled_value", { age: age(nowMs - truth.reconciled_ms), corrected: truth.corrected ?? 0 }) : t("truth.not_yet"), bad: false },
    { name: t("truth.clock"), value: t("truth.ms", { ms: signed(String(truth.clock_offset_ms ?? 0), 0) }), bad: Math.abs(truth.clock_offset_ms ?? 0) > CLOCK_BAD_MS },
    { name: t("truth.journal"), value: truth.journal_ok === false ? t("truth.broken") : truth.journal_ms === null ? t("truth.not_yet") : t("truth.ms", { ms: number(truth.journal_ms, truth.journal_ms < 10 ? 1 : 0) }), bad: truth.journal_ok === false },
  ];
  if (unknown) list.unshift({ name: t("truth.unknown"), value: t("truth.unknown_value", { count: unknown, coins: truth.unknown_orders.map((order) => order.currency).join(", ") }), bad: true, href: "#/orders" });
  if (truth.balances_ok === false) list.push({ name: t("truth.balances"), value: t("truth.broken"), bad: true });
  if (head.awake && head.awake !== "off") list.push({ name: t("truth.awake"), value: t(`truth.awake_${head.awake}`), bad: head.awake === "unavailable" });
  if (head.unheard?.length) list.push({ name: t("truth.alerts"), value: t("truth.alerts_failing", { channels: head.unheard.join(", ") }), bad: true });
  if (!connected) list.push({ name: t("truth.page"), value: t("truth.lost"), bad: true });
  if (!head.running) list.push({ name: t("truth.engine"), value: t(head.phase === "running" ? "truth.stopped" : `truth.${head.phase}`), bad: true });
  return list.sort((one, two) => two.bad - one.bad);
}

/** The oldest price among coins that are not off. */
function oldest() {
  let found = null;
  for (const coin of state.coins.values()) {
    const ms = priceAge(coin.currency);
    if (coin.effective_switch !== "off" && ms !== null) found = Math.max(found ?? 0, ms);
  }
  return found;
}

export function TruthLine() {
  useTicks(500);
  if (!state.head?.truth) return html`<div class="truth" role="region" aria-label=${t("truth.label")}><span class="bad"><i class="dot"></i>${t("truth.engine")} <b>${t("truth.starting")}</b></span></div>`;
  return html`<div class="truth" role="region" aria-label=${t("truth.label")} tabindex="0">${items(state.head, oldest(), now(), state.connected).map(({ name, value, bad, href }) => {
    const inside = html`<i class="dot"></i>${name} <b>${value}</b>`;
    return href ? html`<a key=${name} href=${href} class=${bad ? "bad" : ""}>${inside}</a>` : html`<span key=${name} class=${bad ? "bad" : ""}>${inside}</span>`;
  })}</div>`;
}
