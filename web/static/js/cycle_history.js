/** Closed cycles of a coin with their results by average cost, after fees. */
import { html } from "./lib.js";
import { Result, ResultPercent } from "./figures.js";
import { useAnswer } from "./hooks.js";
import { has, t } from "./i18n.js";
import { number } from "./numbers.js";
import { moment, span, utc } from "./times.js";

const SHOWN = 20;

export function CycleHistory({ coin }) {
  const { answer } = useAnswer("/api/cycles", { base_currency: coin.currency, limit: SHOWN }, { signature: `${coin.completed_cycles}|${coin.cycle_id}|${coin.state}` });
  const list = answer?.cycles ?? [];
  return html`<section class="box card" id="history"><header><h2>${t("history.title")}</h2><p>${t("history.means")}</p></header>
    ${answer && !list.length && html`<p class="muted">${t("history.none")}</p>`}
    ${list.length > 0 && html`<div class="scroll" tabindex="0"><table class="t" data-testid="history"><thead><tr><th>${t("history.cycle")}</th><th>${t("history.opened")}</th><th>${t("history.closed")}</th><th class="r">${t("history.lasted")}</th><th class="r">${t("head.steps")}</th><th class="r">${t("table.invested")}</th><th class="r">${t("history.result")}</th><th class="r">${t("history.share")}</th><th>${t("history.by")}</th></tr></thead>
      <tbody>${list.map((cycle) => html`<tr key=${`${cycle.cycle_id}-${cycle.closed_ms}`}><td>#${cycle.cycle_id}</td><td title=${utc(cycle.opened_ms)}>${moment(cycle.opened_ms)}</td><td title=${utc(cycle.closed_ms)}>${moment(cycle.closed_ms)}</td><td class="r">${span(cycle.closed_ms - cycle.opened_ms)}</td><td class="r">${cycle.steps_used}</td><td class="r">${number(cycle.invested)}</td><td class="r"><${Result} value=${cycle.realised} /></td><td class="r"><${ResultPercent} value=${Number(cycle.invested) ? (Number(cycle.realised) / Number(cycle.invested)) * 100 : null} /></td><td class="muted">${t(has(`closed.${cycle.closed_by}`) ? `closed.${cycle.closed_by}` : "closed.other")}</td></tr>`)}
        <tr class="tot"><td colspan="6">${t("history.total", { count: coin.completed_cycles })}</td><td class="r"><${Result} value=${coin.realised} /></td><td></td><td></td></tr></tbody></table></div>`}
  </section>`;
}
