/** What stands above every page while it lasts: a lost connection, a paused account, an engine that does not decide. */
import { html } from "./lib.js";
import { isReady } from "./coin_facts.js";
import { useTicks } from "./hooks.js";
import { has, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { give } from "./actions.js";
import { state } from "./store.js";
import { age, clock } from "./times.js";

const Banner = ({ tone, glyph, children, action }) => html`<div class=${`msg ${tone}`} role="status"><${Icon} name=${glyph} /><span>${children}</span>${action}</div>`;

export function Banners({ actions, place }) {
  useTicks(1000);
  const { head } = state;
  if (state.signedOut) return html`<${Banner} tone="danger" glyph="look"><b>${t("banner.signed_out")}</b> ${t("banner.signed_out_means")}<//>`;
  if (!head) return null;
  // At home it stands among the halts, with the money at stake.
  const pause = place === "coins" && isReady(head) ? null : head.account_pause;
  return html`
    ${!state.connected && html`<${Banner} tone="warn" glyph="stale"><b>${t("banner.lost", { age: age(Date.now() - state.lostAt) })}</b> ${t("banner.lost_means", { time: clock(state.lostAt) })}<//>`}
    ${pause && html`<${Banner} tone="danger" glyph="pause" action=${html`<button type="button" class="push btn s" onClick=${actions.resumeAccount}>${t("offer.resume")}</button>`}><b>${t(has(`pause.${pause.cause}.word`) ? `pause.${pause.cause}.word` : "pause.other.word")}.</b> ${t(has(`banner.${pause.cause}`) ? `banner.${pause.cause}` : "banner.account_paused", { label: "", ...pause.values })}<//>`}
    ${head.phase === "failed" && html`<${Banner} tone="danger" glyph="unknown"><b>${t("banner.failed")}</b> ${t("banner.failed_means")}<//>`}
    ${isReady(head) && !head.running && head.phase === "running" && html`<${Banner} tone="warn" glyph="pause" action=${html`<button type="button" class="push btn s" onClick=${() => give("/api/autotrader/start", {})}>${t("banner.start")}</button>`}><b>${t("banner.stopped")}</b> ${t("banner.stopped_means")}<//>`}
    ${head.missing_symbols?.length > 0 && html`<${Banner} tone="warn" glyph="look">${t("banner.missing", { symbols: head.missing_symbols.join(", ") })}<//>`}`;
}
