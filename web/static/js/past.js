/** What this coin's ladder did on the candles there are: in the card before the switch, which never waits for it. */
import { html, useEffect, useState } from "./lib.js";
import { command } from "./api.js";
import { fieldOf } from "./days.js";
import { useAnswer } from "./hooks.js";
import { t } from "./i18n.js";
import { number, signedPercent } from "./numbers.js";
import { longSpan } from "./times.js";

const AGAIN_MS = 1000;

export function Past({ currency, quote }) {
  const [settled, setSettled] = useState(false);
  const { answer, again } = useAnswer("/api/lab/history", { base_currency: currency }, { everyMs: settled ? 0 : AGAIN_MS });
  const state = answer?.state;
  useEffect(() => {
    setSettled(["known", "none", "failed"].includes(state));
    // Refused when the worker has enough to do: then it stays unknown.
    if (state === "unknown") command("/api/lab/history", { base_currency: currency }).then(again, () => null);
  }, [state]);
  if (!answer) return null;
  const it = answer.figures;
  return html`<section class="past" aria-label=${t("past.title")}><h3>${t("past.title")}</h3>
    ${it ? html`<div class="tiles three">
        <div><span class="lab">${t("past.dry")}</span><div class=${`v${it.ran_dry ? " warn" : ""}`}>${t("past.times", { count: it.ran_dry })}</div><p>${t("past.dry_of", { count: it.cycles_closed + it.cycles_open })}</p></div>
        <div><span class="lab">${t("past.loss")}</span><div class="v loss">${number(`-${it.max_drawdown}`)} ${quote}</div><p>${t("past.loss_of", { percent: signedPercent(`-${it.max_drawdown_pct}`, 1) })}</p></div>
        <div><span class="lab">${t("past.wait")}</span><div class="v">${longSpan(it.longest_cycle_ms)}</div><p>${t(it.cycles_open ? "past.open" : "past.closed")}</p></div>
      </div><p class="note">${t("past.of", { days: number(Math.round(it.span_ms / 86400000), 0), candles: number(it.candles, 0), from: fieldOf(it.begin_ms), to: fieldOf(it.end_ms) })}</p>${it.unused.map((one) => html`<p key=${`${one.path} ${one.instead}`} class="note">${t("past.unused", { file: one.path, instead: one.instead, from: fieldOf(one.from_ms), to: fieldOf(one.to_ms) })}${one.differ ? ` ${t("past.differ", { differ: number(one.differ, 0), compared: number(one.compared, 0) })}` : ""}</p>`)}`
      : state === "failed" ? html`<p class="note w" role="status">${t("past.failed")} ${t(`past.fail.${answer.code}`, { currency })} ${answer.where && html`<span class="mono">${answer.where}</span>`}</p>`
      : html`<p class="note" role="status">${t(`past.${state === "none" ? state : "working"}`, { currency })}</p>`}
  </section>`;
}
