/** What a run gave: figures with their meaning, the curve, the fills on the price, warnings; other runs beside it. */
import { html, useEffect, useState } from "./lib.js";
import { give } from "./actions.js";
import { Failed, get } from "./api.js";
import { useChart } from "./chart_host.js";
import { EquityChart } from "./equity_chart.js";
import { Result, ResultPercent } from "./figures.js";
import { t } from "./i18n.js";
import { LabFailure } from "./lab_failure.js";
import { cancelRun, isOver, nameOf } from "./lab_runs.js";
import { hand } from "./ladder_form.js";
import { NOTHING, number, percent, signedPercent } from "./numbers.js";
import { fieldOf } from "./days.js";
import { sayError } from "./messages.js";
import { state } from "./store.js";
import { length, longSpan } from "./times.js";

// A run that is over never changes.
const known = new Map();
// More marks than this leave no room for words.
const WORDED_MAX = 24;
const LOOKS = ["var(--warn)", "var(--accent)"];

/** The results of runs by id, asked for once each. */
function useResults(runs) {
  const [, draw] = useState(0);
  const wanted = runs.filter((run) => run.status === "done" && !known.has(run.id)).map((run) => run.id);
  useEffect(() => {
    wanted.forEach((id) => get("/api/lab/run", { id }).then((told) => { known.set(id, told.result); draw((count) => count + 1); }, (error) => { if (!(error instanceof Failed)) throw error; sayError(error); }));
  }, [wanted.join()]);
  return runs.map((run) => known.get(run.id) ?? null);
}

/** `first`: nothing has been played here yet. */
export function LabResult({ run, beside, first, again }) {
  const [result, ...others] = useResults([run, ...beside]);
  const head = html`<${Head} run=${run} again=${again} />`;
  if (run.status === "failed") return html`<section class="box card">${head}<${LabFailure} failure=${run.error} /></section>`;
  if (!result) return html`<section class="box card">${head}<p class="muted" role="status">${t(`lab.status.${run.status}`)}</p>${isOver(run) ? null : html`<${Way} run=${run} first=${first} again=${again} />`}</section>`;
  const columns = [{ run, result }, ...beside.map((one, at) => ({ run: one, result: others[at] })).filter((one) => one.result)];
  const { figures } = result;
  const points = result.curve.map((point) => ({ ...point, earned: point.hold }));
  const lines = columns.slice(1).map((one, at) => ({ points: one.result.curve, colour: LOOKS[at] }));
  return html`<${Strip} figures=${figures} />
    <section class="box card">${head}
      <p class="legends"><span class="legend"><i class="keyline"></i>${nameOf(run)}</span><span class="legend"><i class="keyline dashed"></i>${t("lab.hold")}</span>${columns.slice(1).map((one, at) => html`<span key=${one.run.id} class=${`legend other${at}`}><i class="keyline"></i>${nameOf(one.run)}${one.result.data === result.data ? "" : html` <span class="warn">${t("lab.other_data")}</span>`}</span>`)}</p>
      <${EquityChart} points=${points} second=${t("lab.hold")} others=${lines} />
      <p class="note">${t("lab.of", { candles: number(result.candles, 0), from: fieldOf(figures.begin_ms), to: fieldOf(figures.end_ms), seconds: number(result.took_s, 1), engine: t(`lab.engine.${result.engine}`) })}</p></section>
    ${result.warnings.length > 0 && html`<section class="note w" aria-label=${t("lab.warnings")}><b>${t("lab.warnings")}</b><ul>${result.warnings.map((one) => html`<li key=${one.code}>${t(`lab.warn.${one.code}`, { ...one.values, amount: number(one.values.amount) })}</li>`)}</ul></section>`}
    <${Prices} result=${result} />
    <${Figures} columns=${columns} /><${Depths} figures=${figures} />`;
}

/** How far it is, and the way out. */
const Way = ({ run, first, again }) => html`<p class="rowx"><progress max="1" value=${run.progress} aria-label=${t(`lab.status.${run.status}`)}></progress><span class="xs">${percent(run.progress * 100, 0)}</span><button type="button" class="btn s" onClick=${() => cancelRun(run.id, again)}>${t("cancel")}</button></p>
  ${first && run.status === "running" && run.progress === 0 && html`<p class="note">${t("lab.first")}</p>`}`;

function Head({ run, again }) {
  const [name, setName] = useState(run.name);
  const traded = run.symbols.map((one) => one.split("_")[0]).filter((one) => state.coins.has(one));
  const keep = async () => { await give("/api/lab/name", { id: run.id, name: name.trim() }); again(); };
  const remove = async () => { await give("/api/lab/delete", { id: run.id }); again(); };
  const apply = (currency) => { Object.assign(hand, { to: currency, values: run.ladder }); location.hash = `#/coin/${currency}/ladder`; };
  return html`<header><h2><bdi>${nameOf(run)}</bdi></h2><p>${run.symbols.join(", ").replaceAll("_", "/")} · ${length(run.interval_ms)} · ${number(run.budget)} ${run.symbols[0].split("_")[1]}</p>
    <span class="push rowx"><input aria-label=${t("lab.name")} placeholder=${t("lab.name")} maxlength="60" value=${name} autocomplete="off" onInput=${(event) => setName(event.target.value)} />
      <button type="button" class="btn s" disabled=${name.trim() === run.name} onClick=${keep}>${t("lab.keep")}</button><button type="button" class="btn s" onClick=${remove}>${t("preset.delete")}</button>
      ${run.status === "done" && traded.map((one) => html`<button type="button" key=${one} class="btn s prime" onClick=${() => apply(one)}>${t("lab.apply", { currency: one })}</button>`)}</span></header>`;
}

const Cell = ({ name, below, children }) => html`<div class="kpi"><dt>${name}</dt><dd>${children}</dd><dd class="below">${below}</dd></div>`;

function Strip({ figures: it }) {
  const deepest = Math.max(0, ...Object.keys(it.deepest).map(Number));
  return html`<dl class="strip six" data-testid="lab-strip">
    <${Cell} name=${t("lab.fig.pnl")} below=${t("lab.of_budget", { percent: signedPercent(it.pnl_pct, 1), budget: number(it.budget) })}><${Result} value=${it.pnl} /><//>
    <${Cell} name=${t("dash.drawdown")} below=${number(`-${it.max_drawdown}`)}>${signedPercent(`-${it.max_drawdown_pct}`, 1)}<//>
    <${Cell} name=${t("lab.fig.cycles_closed")} below=${t("lab.open_won", { open: it.cycles_open, won: percent(it.win_rate_pct, 0) })}>${number(it.cycles_closed, 0)}<//>
    <${Cell} name=${t("lab.fig.ran_dry")} below=${t("lab.deepest", { step: deepest, steps: it.ladder_steps })}><span class=${it.ran_dry ? "warn" : ""}>${it.ran_dry}</span><//>
    <${Cell} name=${t("lab.fig.longest_cycle_ms")} below=${t("lab.under_water", { span: days(it.under_water_ms) })}>${days(it.longest_cycle_ms)}<//>
    <${Cell} name=${t("lab.fig.capital_max")} below=${t("lab.usually", { half: number(it.capital_p50) })}>${number(it.capital_max)}<//>
  </dl>`;
}

const days = (ms) => (ms === undefined || ms === null ? NOTHING : longSpan(ms));
const SHOWN = {
  pnl: (value) => html`<${Result} value=${value} />`, pnl_pct: (value) => html`<${ResultPercent} value=${value} decimals=${1} />`, realised: number, unrealised: number, annualised_pct: (value) => signedPercent(value, 1),
  max_drawdown_pct: (value) => signedPercent(value && `-${value}`, 1), under_water_ms: days, longest_cycle_ms: days, cycles_closed: (value) => number(value, 0), cycles_open: (value) => number(value, 0), win_rate_pct: (value) => percent(value, 1),
  ran_dry: (value) => number(value, 0), unpaid: (value) => number(value, 0), trades: (value) => number(value, 0), fees: number, capital_p50: number, capital_p95: number, capital_max: number, exposure_pct: (value) => percent(value, 1),
};

/** Every figure with what it means, other runs and plain ways of buying beside it. */
function Figures({ columns }) {
  const [{ result }] = columns;
  const plain = [[t("lab.hold"), result.figures.buy_and_hold], [t("lab.periodic"), result.figures.periodic]];
  return html`<section class="box card"><header><h2>${t("lab.figures")}</h2></header>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("lab.figures")}><table class="t tight" data-testid="figures"><thead><tr><th>${t("lab.figure")}</th>${columns.map(({ run, result: its }) => html`<th class="r" key=${run.id}><bdi>${nameOf(run)}</bdi>${its.data === result.data ? "" : html`<div class="warn">${t("lab.other_data")}</div>`}</th>`)}${plain.map(([name]) => html`<th class="r" key=${name}>${name}</th>`)}</tr></thead>
      <tbody>${Object.entries(SHOWN).map(([name, shown]) => html`<tr key=${name}><td class="words"><b>${t(`lab.fig.${name}`)}</b> ${t(`lab.fig.${name}.means`)}</td>${columns.map(({ run, result: its }) => html`<td class="r" key=${run.id}>${shown(its.figures[name])}</td>`)}${plain.map(([key, line]) => html`<td class="r" key=${key}>${name in line ? shown(line[name]) : NOTHING}</td>`)}</tr>`)}</tbody></table></div></section>`;
}

/** How many cycles went how deep. */
function Depths({ figures: { deepest, ladder_steps: steps } }) {
  const most = Math.max(1, ...Object.values(deepest));
  return html`<section class="box card"><header><h2>${t("lab.depths")}</h2></header><table class="t tight depths"><thead><tr><th>${t("lab.depth")}</th><th>${t("lab.fig.cycles_closed")}</th><th class="r"></th></tr></thead>
    <tbody>${Array.from({ length: steps + 1 }, (_, step) => html`<tr key=${step}><td>${step}</td><td class="half"><svg width="100%" height="9" aria-hidden="true"><rect width=${`${((deepest[step] ?? 0) / most) * 100}%`} height="9" rx="2" fill=${step === steps ? "var(--warn)" : "var(--muted)"} /></svg></td><td class="r">${number(deepest[step] ?? 0, 0)}</td></tr>`)}</tbody></table></section>`;
}

/** Where was bought and sold: marks on candles long enough for one picture. */
function Prices({ result }) {
  const [at, setAt] = useState(0);
  const chart = result.charts[Math.min(at, result.charts.length - 1)];
  const [host, view] = useChart({ precision: chart.precision });
  useEffect(() => {
    if (!view) return;
    view.precision = chart.precision;
    view.recolour();
    view.setCandles(chart.candles.map(([ms, open, high, low, close]) => ({ time_ms: ms, open, high, low, close, volume: null })), chart.interval_ms);
    view.setFills(chart.marks.map((mark) => ({ time_ms: mark.time_ms, side: mark.side, text: chart.marks.length > WORDED_MAX ? "" : mark.side === "sell" ? t("mark.sold") : mark.step ? t("level.buy", { step: mark.step }) : t("step.start") })));
    view.showAll();
  }, [view, chart]);
  return html`<section class="box card"><header><h2>${t("chart.title")}</h2><p>${t("lab.marks", { span: length(chart.interval_ms) })}</p>
    ${result.charts.length > 1 && html`<select class="push" aria-label=${t("lab.coins")} value=${at} onChange=${(event) => setAt(Number(event.target.value))}>${result.charts.map((one, index) => html`<option key=${one.symbol} value=${index} selected=${index === at}>${one.symbol.replace("_", "/")}</option>`)}</select>`}</header>
    <div class="chart-host" ref=${host} role="img" aria-label=${t("lab.marks_label", { symbol: chart.symbol.replace("_", "/"), buys: count(chart, "buy"), sells: count(chart, "sell") })} data-testid="lab-chart" data-marks=${chart.marks.length}></div></section>`;
}

const count = (chart, side) => number(chart.marks.filter((mark) => mark.side === side).reduce((sum, mark) => sum + mark.count, 0), 0);
