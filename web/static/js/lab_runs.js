/** The kept runs: what waits and works, with its way so far; what is over, with its result; which stand beside the shown one. */
import { html } from "./lib.js";
import { give } from "./actions.js";
import { ResultPercent } from "./figures.js";
import { t } from "./i18n.js";
import { Icon } from "./icons.js";
import { number, percent, signedPercent } from "./numbers.js";
import { moment } from "./times.js";

export const isOver = (run) => run.status !== "queued" && run.status !== "running";

/** What a run is called when nobody named it: its ladder. */
export const nameOf = ({ name, ladder }) => name || t("lab.unnamed", { drop: ladder.drop_step_pct, size: ladder.size_mode === "geometric" ? ladder.size_multiplier : t(`choice.${ladder.size_mode}`), steps: ladder.steps });

/** End a run that waits or works. */
export const cancelRun = async (id, again) => { await give("/api/lab/cancel", { id }); again(); };

export function LabRuns({ runs, most, shown, beside, onShow, onCompare, again }) {
  if (!runs.length) return null;
  return html`<section class="box card"><header><h2>${t("lab.runs")}</h2><p>${t("lab.runs_of", { count: number(String(runs.length), 0), most: number(String(most), 0) })}</p></header>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("lab.runs")}><table class="t tight runs" data-testid="runs"><thead><tr><th><span class="sr">${t("lab.compare")}</span></th><th>${t("lab.run_of")}</th><th class="r">${t("history.result")}</th></tr></thead>
      <tbody>${runs.map((run) => html`<tr key=${run.id} data-status=${run.status} class=${run.id === shown?.id ? "active" : ""}>
        <td>${run.status === "done" && html`<input type="checkbox" aria-label=${`${t("lab.compare")} ${nameOf(run)}`} checked=${run.id !== shown?.id && beside.includes(run.id)} disabled=${run.id === shown?.id} onChange=${() => onCompare(run.id)} />`}</td>
        <td><button type="button" class="as-link" aria-current=${run.id === shown?.id ? "true" : null} onClick=${() => onShow(run.id)}><b><bdi>${nameOf(run)}</bdi></b></button><div class="faint xs">${run.symbols.map((one) => one.split("_")[0]).join(", ")} · ${moment(run.made_ms)}</div></td>
        ${run.status === "done" ? html`<td class="r"><${ResultPercent} value=${run.summary.pnl_pct} decimals=${1} /><div class="faint xs" title=${t("dash.drawdown")}>${signedPercent(`-${run.summary.max_drawdown_pct}`, 1)}</div></td>`
          : isOver(run) ? html`<td class="r"><span class=${run.status === "failed" ? "danger" : "muted"}>${t(`lab.status.${run.status}`)}</span></td>`
            : html`<td class="r">${run.status === "running" ? html`<span class="way"><progress max="1" value=${run.progress} aria-label=${t("lab.status.running")}></progress><span class="faint xs">${percent(run.progress * 100, 0)}</span></span>` : html`<span class="muted">${t("lab.status.queued")}</span>`} <button type="button" class="btn s ghost" title=${t("cancel")} aria-label=${`${t("cancel")}: ${nameOf(run)}`} onClick=${() => cancelRun(run.id, again)}><${Icon} name="close" /></button></td>`}
      </tr>`)}</tbody></table></div>
    <p class="note">${t("lab.kept_means")}</p></section>`;
}
