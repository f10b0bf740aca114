/** What a search found: a heat map of two parameters and every ladder by profit and fall; a chosen one goes into the form. */
import { html, useEffect, useRef, useState } from "./lib.js";
import { give } from "./actions.js";
import { ticks } from "./equity_chart.js";
import { useAnswer } from "./hooks.js";
import { t } from "./i18n.js";
import { LabFailure } from "./lab_failure.js";
import { LabStretches } from "./lab_stretches.js";
import { LabVerdict } from "./lab_verdict.js";
import { errorText } from "./messages.js";
import { exact, number, percent, signedPercent } from "./numbers.js";

const FIGURES = { profit: (value) => signedPercent(value, 1), drawdown: (value) => percent(value, 1), capital: (value) => number(value, 0), ran_dry: (value) => number(value, 0) };
const WAIT_MS = 700;
// A wider heat map has the whole width.
const BESIDE_MAX = 6;
const CALM_MS = 6000;
const [WIDE, HIGH, LEFT, FOOT, TOP] = [520, 320, 58, 40, 14];

/** `begun`: changes when a search has been begun here; `onRun`: a run of one of its ladders has been begun. */
export function LabSweep({ begun, onTake, onRun }) {
  const [busy, setBusy] = useState(false);
  const { answer: list, again } = useAnswer("/api/lab/sweeps", {}, { everyMs: busy ? WAIT_MS : CALM_MS, signature: String(begun) });
  const [name, setName] = useState("");
  const sweeps = list?.told?.sweeps ?? [];
  const sweep = sweeps.find((one) => one.name === name) ?? sweeps[0];
  if (list?.state === "failed") return html`<section class="box card"><h2>${t("sweep.title")}</h2><${LabFailure} failure=${list} /></section>`;
  const works = list?.search?.status === "working" || list?.search?.status === "stopping";
  if (list && works !== busy) setBusy(works);
  const search = list?.search && html`<${Search} search=${list.search} works=${works} again=${again} />`;
  if (!sweep) return search && html`<section class="box card" data-testid="sweep"><header><h2>${t("sweep.title")}</h2></header>${search}</section>`;
  return html`<section class="box card" data-testid="sweep"><header><h2>${t("sweep.title")}</h2>
      <p>${t("sweep.of", { done: number(sweep.done, 0), open: number(sweep.open, 0), budget: number(sweep.budget) })}</p>
      <select class="push" aria-label=${t("sweep.title")} value=${sweep.name} onChange=${(event) => setName(event.target.value)}>${sweeps.map((one) => html`<option key=${one.name} value=${one.name} selected=${one.name === sweep.name}>${one.name}</option>`)}</select></header>${search}
    <${Pictures} key=${sweep.name} sweep=${sweep} onTake=${onTake} onRun=${onRun} /></section>`;
}

function Search({ search, works, again }) {
  const stop = async () => { await give("/api/lab/stop_search", {}); again(); };
  return html`<div class="rowx"><span class=${search.status === "failed" ? "danger" : "muted"} role="status">${t(`search.${search.status}`)}</span>
    ${works ? html`<progress max=${search.of || 1} value=${search.done} aria-label=${t("search.working")}></progress>` : null}<span class="xs">${number(search.done, 0)} / ${number(search.of, 0)}</span>
    ${works && html`<button type="button" class="btn s" onClick=${stop}>${t("search.stop")}</button>`}</div>${search.failure && html`<${LabFailure} failure=${search.failure} />`}`;
}

function Pictures({ sweep, onTake, onRun }) {
  const names = Object.keys(sweep.ranges);
  const [x, setX] = useState(names[0]);
  const [y, setY] = useState(names[1] ?? names[0]);
  const [figure, setFigure] = useState("profit");
  const [picked, setPicked] = useState(null);
  const [calm, setCalm] = useState(false);
  const { answer, failure } = useAnswer("/api/lab/sweep", { name: sweep.name, x, y, figure }, { everyMs: calm ? CALM_MS : WAIT_MS });
  const told = answer?.told;
  if (answer && calm !== (answer.state !== "working")) setCalm(answer.state !== "working");
  const choice = (label, value, set, of, word) => html`<div class="f"><label for=${`sweep-${label}`}>${t(`sweep.${label}`)}</label><select id=${`sweep-${label}`} value=${value} onChange=${(event) => set(event.target.value)}>${of.map((one) => html`<option key=${one} value=${one} selected=${one === value}>${t(`${word}.${one}`)}</option>`)}</select></div>`;
  const point = told?.points.find((one) => one.number === picked);
  return html`<div class="form three">${choice("y", y, setY, names, "param")}${choice("x", x, setX, names, "param")}${choice("figure", figure, setFigure, Object.keys(FIGURES), "sweep.fig")}</div>
    <p class="note w">${t("sweep.means")}</p>
    ${failure && html`<p class="msg warn">${errorText(failure)}</p>`}${answer?.state === "failed" && html`<${LabFailure} failure=${answer} />`}
    ${told && html`<div class=${`pair${told.heat?.x_values.length > BESIDE_MAX ? " below" : ""}`}>
      ${told.heat ? html`<${Heat} heat=${told.heat} x=${x} y=${y} figure=${figure} picked=${picked} onPick=${setPicked} />` : html`<p class="note">${t("sweep.too_wide")}</p>`}
      ${told.points.length > 0 && html`<${Scatter} points=${told.points} picked=${picked} onPick=${setPicked} />`}</div>
      <p class="rowx" role="status">${point ? html`<b>${Object.keys(sweep.ranges).map((one) => `${t(`param.${one}`)} ${exact(point.ladder[one])}`).join(", ")}</b> <span>${t("sweep.point", { profit: signedPercent(point.profit, 1), fall: percent(point.fall, 1), cycles: point.cycles, dry: point.ran_dry, capital: number(point.capital) })}</span>
        <button type="button" class="btn s prime" onClick=${() => onTake({ ladder: point.ladder, budget: sweep.budget, name: `${sweep.name} ${point.number}` })}>${t("sweep.take")}</button>` : html`<span class="muted">${t("sweep.pick")}</span>`}</p>
      ${point && html`<${LabStretches} key=${picked} sweep=${sweep.name} ladder=${picked} onRun=${onRun} />`}
      <${LabVerdict} verdict=${told.verdict} sweep=${sweep} onTake=${onTake} />`}`;
}

/** Whether a box is wider inside than it shows, now and after each change of its width. */
function useOverflow(signature) {
  const box = useRef(null);
  const [over, setOver] = useState(false);
  useEffect(() => {
    const look = () => setOver(box.current.scrollWidth > box.current.clientWidth + 1);
    const watch = new ResizeObserver(look);
    watch.observe(box.current);
    look();
    return () => watch.disconnect();
  }, [signature]);
  return [box, over];
}

function Heat({ heat, x, y, figure, picked, onPick }) {
  const [box, over] = useOverflow(`${x} ${y} ${figure} ${heat.x_values.length}`);
  const all = heat.rows.flat().filter(Boolean).map((cell) => Number(cell.value));
  const most = Math.max(...all.map(Math.abs), 1e-9);
  const best = figure === "profit" ? Math.max(...all) : Math.min(...all);
  const ground = (value) => `color-mix(in srgb, var(${figure === "profit" && value >= 0 ? "--gain" : "--loss"}) ${Math.round((Math.abs(value) / most) * 45)}%, transparent)`;
  const look = (cell) => `${Number(cell.value) === best ? "best" : ""}${cell.number === picked ? " pick" : ""}`;
  return html`<div>${over && html`<p class="note" data-testid="heat-wide">${t("sweep.wide", { count: number(heat.x_values.length, 0) })}</p>`}<div ref=${box} class="scroll" tabindex="0" role="region" aria-label=${t("sweep.heat")}><table class="heat" data-testid="heat"><caption class="note">${t("sweep.axes", { y: t(`param.${y}`), x: t(`param.${x}`) })}</caption><thead><tr><td></td>${heat.x_values.map((value) => html`<th key=${value}>${exact(value)}</th>`)}</tr></thead>
    <tbody>${heat.rows.map((row, at) => html`<tr key=${at}><th>${exact(heat.y_values[at])}</th>${row.map((cell, column) => html`<td key=${column}>${cell && html`<button type="button" class=${look(cell)} aria-pressed=${String(cell.number === picked)} style=${{ background: ground(Number(cell.value)) }} onClick=${() => onPick(cell.number)}>${FIGURES[figure](cell.value)}</button>`}</td>`)}</tr>`)}</tbody></table></div></div>`;
}

/** Profit up, fall to the right; the front is joined, its squares cannot be beaten in both. */
function Scatter({ points, picked, onPick }) {
  const profits = points.map((one) => Number(one.profit)), falls = points.map((one) => Number(one.fall));
  const [low, high, right] = [Math.min(0, ...profits), Math.max(...profits, 0.01), Math.max(...falls, 0.01)];
  const px = (one) => LEFT + (Number(one.fall) / right) * (WIDE - LEFT - 12);
  const py = (value) => TOP + (1 - (Number(value) - low) / (high - low)) * (HIGH - FOOT - TOP);
  const levels = ticks(low, high, 5), depths = ticks(0, right, 5);
  const front = points.filter((one) => one.front).sort((one, other) => one.fall - other.fall);
  const pick = (event) => {
    const box = event.currentTarget.getBoundingClientRect(), scale = WIDE / box.width;
    const [cx, cy] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    const away = (one) => (px(one) - cx) ** 2 + (py(one.profit) - cy) ** 2;
    onPick(points.reduce((near, one) => (away(one) < away(near) ? one : near)).number);
  };
  const press = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !front.length) return;
    event.preventDefault();
    const at = front.findIndex((one) => one.number === picked);
    onPick(front[Math.min(Math.max(at + step, 0), front.length - 1)].number);
  };
  return html`<svg class="scatter" viewBox=${`0 0 ${WIDE} ${HIGH}`} tabindex="0" role="img" aria-label=${t("sweep.scatter", { count: front.length })} data-testid="scatter" onClick=${pick} onKeyDown=${press}>
    ${levels.found.map((value) => html`<g key=${value}><line x1=${LEFT} x2=${WIDE} y1=${py(value)} y2=${py(value)} stroke="var(--line)" /><text x=${LEFT - 6} y=${py(value) + 4} text-anchor="end" class="axis">${signedPercent(value, levels.decimals)}</text></g>`)}
    ${depths.found.map((value) => html`<text key=${value} x=${px({ fall: value })} y=${HIGH - FOOT + 18} text-anchor="middle" class="axis">${percent(value, depths.decimals)}</text>`)}
    <text x=${WIDE / 2} y=${HIGH - 4} text-anchor="middle" class="axis">${t("sweep.fall_axis")}</text>
    <text x=${LEFT + 6} y=${TOP - 3} class="axis">${t("sweep.profit_axis")}</text>
    ${points.filter((one) => !one.front).map((one) => html`<circle key=${one.number} cx=${px(one)} cy=${py(one.profit)} r="3" fill="none" stroke="var(--faint)" />`)}
    <polyline points=${front.map((one) => `${px(one)},${py(one.profit)}`).join(" ")} fill="none" stroke="var(--accent)" />
    ${front.map((one) => html`<rect key=${one.number} x=${px(one) - 4} y=${py(one.profit) - 4} width="8" height="8" fill="var(--accent)" />`)}
    ${points.filter((one) => one.number === picked).map((one) => html`<circle key="picked" cx=${px(one)} cy=${py(one.profit)} r="8" fill="none" stroke="var(--text)" stroke-width="2" />`)}
  </svg>`;
}
