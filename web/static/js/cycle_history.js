/** Closed cycles of a coin with their results by average cost, after fees; a click shows every fill of one. */
import { html, useState } from "./lib.js";
import { Result, ResultPercent } from "./figures.js";
import { FillsTable } from "./fills_table.js";
import { useAnswer } from "./hooks.js";
import { has, t } from "./i18n.js";
import { errorText } from "./messages.js";
import { exact, number } from "./numbers.js";
import { moment, span, utc } from "./times.js";

const PAGE = 20;
const MOST = 1000;
const COLUMNS = 10;

export function CycleHistory({ coin }) {
  const [limit, setLimit] = useState(PAGE);
  const [open, setOpen] = useState(null);
  const { answer } = useAnswer("/api/cycles", { base_currency: coin.currency, limit }, { signature: `${coin.completed_cycles}|${coin.cycle_id}|${coin.state}` });
  const list = answer?.cycles ?? [];
  const keyOf = (cycle) => `${cycle.cycle_id}-${cycle.closed_ms}`;
  const row = (cycle) => {
    const key = keyOf(cycle), shown = open === key;
    return html`<tr key=${key}><td><button type="button" class="as-link" aria-expanded=${String(shown)} title=${t("history.show")} onClick=${() => setOpen(shown ? null : key)}>#${cycle.cycle_id}</button></td><td title=${utc(cycle.opened_ms)}>${moment(cycle.opened_ms)}</td><td title=${utc(cycle.closed_ms)}>${moment(cycle.closed_ms)}</td><td class="r">${span(cycle.closed_ms - cycle.opened_ms)}</td><td class="r">${cycle.steps_used}</td><td class="r">${number(cycle.invested)}</td><td class="r">${fees(cycle)}</td><td class="r"><${Result} value=${cycle.realised} /></td><td class="r"><${ResultPercent} value=${Number(cycle.invested) ? (Number(cycle.realised) / Number(cycle.invested)) * 100 : null} /></td><td class="muted">${t(has(`closed.${cycle.closed_by}`) ? `closed.${cycle.closed_by}` : "closed.other")}</td></tr>
      ${shown && html`<tr key=${`${key}-fills`} class="inner"><td colspan=${COLUMNS}><${Fills} coin=${coin} cycle=${cycle} /></td></tr>`}`;
  };
  return html`<section class="box card" id="history"><header><h2>${t("history.title")}</h2><p>${t("history.means")}</p></header>
    ${answer && !list.length && html`<p class="muted">${t("history.none")}</p>`}
    ${list.length > 0 && html`<div class="scroll" tabindex="0"><table class="t" data-testid="history"><thead><tr><th>${t("history.cycle")}</th><th>${t("history.opened")}</th><th>${t("history.closed")}</th><th class="r">${t("history.lasted")}</th><th class="r">${t("head.steps")}</th><th class="r">${t("table.invested")}</th><th class="r">${t("history.fees")}</th><th class="r">${t("history.result")}</th><th class="r">${t("history.share")}</th><th>${t("history.by")}</th></tr></thead>
      <tbody>${list.map(row)}
        <tr class="tot"><td colspan="7">${t("history.total", { count: coin.completed_cycles })}</td><td class="r"><${Result} value=${coin.realised} /></td><td></td><td></td></tr></tbody></table></div>`}
    ${list.length >= limit && limit < MOST && html`<p><button type="button" class="btn s" onClick=${() => setLimit(Math.min(limit * 4, MOST))}>${t("history.more")}</button></p>`}
  </section>`;
}

/** Fees by currency: coins for buys, money for sales. */
const fees = (cycle) => Object.entries(cycle.fees ?? {}).map(([currency, amount]) => html`<div key=${currency} class="nw">${exact(amount)} ${currency}</div>`);

function Fills({ coin, cycle }) {
  const { answer, failure } = useAnswer("/api/trades", { symbol: coin.currency, cycle: cycle.cycle_id, limit: 1000 });
  if (failure) return html`<p class="msg warn">${errorText(failure)}</p>`;
  if (!answer) return html`<div class="skel"></div>`;
  return html`<${FillsTable} coin=${coin} fills=${[...answer.trades].reverse()} foot=${html`<tr class="tot"><td>${t("history.result")}</td><td></td><td></td><td></td><td></td><td class="r"><${Result} value=${cycle.realised} /></td><td></td><td></td></tr>`} />`;
}
