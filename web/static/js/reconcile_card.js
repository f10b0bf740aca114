/** The account at the exchange against the books: when they were compared last, and every difference in words. */
import { html, useState } from "./lib.js";
import { give } from "./actions.js";
import { useAnswer } from "./hooks.js";
import { has, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { exact } from "./numbers.js";
import { now } from "./store.js";
import { age, utc } from "./times.js";

const sentence = (one) => t(has(`difference.${one.kind}`) ? `difference.${one.kind}` : "difference.other", { currency: one.currency, amount: exact(one.amount.replace("-", "")), detail: one.detail, kind: one.kind });

export function ReconcileCard() {
  const { answer, again } = useAnswer("/api/reconcile", {}, { everyMs: 5000 });
  const [busy, setBusy] = useState(false);
  const report = answer?.report;
  const compare = async () => {
    setBusy(true);
    await give("/api/reconcile", {});
    setBusy(false);
    again();
  };
  return html`<section class="box card" id="reconcile" data-testid="reconcile"><header><h2>${t("reconcile.title")}</h2><p>${t("reconcile.means")}</p></header>
    ${answer && !report && html`<p class="muted">${t("truth.not_yet")}</p>`}
    ${report && html`<p class="note" title=${utc(report.time_ms)}>${report.complete ? t("reconcile.done", { age: age(now() - report.time_ms), ms: String(report.took_ms) }) : t("reconcile.failed", { age: age(now() - report.time_ms), error: report.error })}</p>
      ${report.complete && !report.differences.length && html`<p class="muted">${t("reconcile.agree")}</p>`}
      ${report.differences.map((one, place) => html`<p key=${place} class=${`msg ${one.unexplained ? "danger" : "w"}`}><${Icon} name=${one.unexplained ? "unknown" : "look"} /><span>${sentence(one)} ${one.corrected ? t("reconcile.corrected") : ""}</span></p>`)}`}
    <p><button type="button" class="btn s" disabled=${busy} onClick=${compare}>${t("reconcile.now")}</button></p></section>`;
}
