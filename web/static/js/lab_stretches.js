/** A ladder of a search on each stretch of the candles it was chosen by; each can be run again and looked at. */
import { html, useState } from "./lib.js";
import { fieldOf } from "./days.js";
import { ResultPercent } from "./figures.js";
import { useAnswer, useCommand } from "./hooks.js";
import { t } from "./i18n.js";
import { LabFailure } from "./lab_failure.js";
import { errorText } from "./messages.js";
import { number, percent, signedPercent } from "./numbers.js";

const WAIT_MS = 700;
const TOLD = ["old_search", "bad_ladder"];

/** `sweep`: the search's name; `ladder`: its number in it. */
export function LabStretches({ sweep, ladder, onRun }) {
  const [waits, setWaits] = useState(true);
  const { answer, failure } = useAnswer("/api/lab/ladder", { name: sweep, number: ladder }, { everyMs: waits ? WAIT_MS : 0 });
  const { phase, error, run } = useCommand();
  if (answer && waits !== (answer.state === "working")) setWaits(answer.state === "working");
  if (failure) return html`<p class="msg warn">${errorText(failure)}</p>`;
  if (!answer || answer.state === "working") return html`<p class="muted" role="status">${t("stretch.working")}</p>`;
  if (answer.state === "failed") return TOLD.includes(answer.code) ? html`<p class="msg warn">${t(`stretch.${answer.code}`, { what: answer.what })}</p>` : html`<p class="msg warn">${t("stretch.failed")}</p><${LabFailure} failure=${answer} />`;
  const { told } = answer;
  const show = async (one) => {
    const begun = await run("/api/lab/run", { symbols: [one.symbol], interval_ms: one.interval_ms, from_ms: one.from_ms, to_ms: one.to_ms, rules_ms: told.rules_ms, budget: told.budget, ladder: told.ladder });
    if (begun) onRun(begun.id);
  };
  const figures = (it) => html`<td class="r"><${ResultPercent} value=${it.profit} decimals=${1} /></td><td class="r">${signedPercent(it.hold, 1)}</td><td class="r">${percent(it.fall, 1)}</td><td class="r">${number(it.cycles, 0)}</td><td class="r">${number(it.cycles_open, 0)}</td><td class="r">${number(it.ran_dry, 0)}</td>`;
  return html`<div class="scroll stretches" tabindex="0" role="region" aria-label=${t("stretch.title")}><table class="t" data-testid="stretches"><caption class="note">${t("stretch.means", { budget: number(told.budget) })}</caption>
      <thead><tr><th>${t("stretch.title")}</th>${["lab.fig.pnl_pct", "lab.hold", "lab.fig.max_drawdown_pct", "lab.fig.cycles_closed", "lab.fig.cycles_open", "lab.fig.ran_dry"].map((key) => html`<th class="r" key=${key}>${t(key)}</th>`)}<th></th></tr></thead>
      <tbody>${told.stretches.map((one) => html`<tr key=${one.symbol + one.from_ms}><td>${one.symbol.replace("_", "/")} <span class="faint xs">${fieldOf(one.from_ms)} – ${fieldOf(one.to_ms - 1)}</span></td>
        ${one.problem ? html`<td colspan="7" class="warn words">${t(`stretch.${one.problem}`)}</td>` : html`${figures(one.figures)}<td class="r"><button type="button" class="btn s" disabled=${phase === "sending"} aria-label=${`${t("stretch.run")}: ${one.symbol.replace("_", "/")}, ${fieldOf(one.from_ms)}`} onClick=${() => show(one)}>${t("stretch.run")}</button></td>`}</tr>`)}</tbody></table></div>
    ${(phase === "refused" || phase === "unknown") && html`<p class="msg danger" role="alert">${errorText(error)}</p>`}`;
}
