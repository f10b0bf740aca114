/**
 * Equity (solid), start and realised (dashed), below them how far the result is under its height. SVG in real pixels, so
 * that letters keep their size. Pointer or arrow keys read a point; its words stand above the picture.
 */
import { html, useEffect, useRef, useState } from "./lib.js";
import { dayName, dayOf, hourName } from "./days.js";
import { t } from "./i18n.js";
import { number, signedPercent } from "./numbers.js";
import { moment, utc } from "./times.js";

const RIGHT = 58;
const TOP = 10;
const FOOT = 24;
const HOUR = 3600000;
const STEPS = [HOUR / 60, HOUR / 12, HOUR / 4, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR, 336 * HOUR, 720 * HOUR, 2160 * HOUR, 8760 * HOUR];

/** Round values between two, about so many. */
export function ticks(low, high, wanted) {
  const rough = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high; at += 1) found.push(at * step);
  return { found, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** Moments to name on the axis: whole hours or midnights of the person's zone. */
export function moments(from, to, wanted) {
  const step = STEPS.find((one) => (to - from) / one <= wanted) ?? STEPS.at(-1);
  const found = [];
  const shift = new Date(from).getTimezoneOffset() * 60000;
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) found.push(step >= 24 * HOUR ? dayOf(at + 2 * HOUR) : at);
  return { found: found.filter((at) => at >= from), name: step >= 24 * HOUR ? dayName : hourName };
}

/** `points`: [{time_ms, equity, earned, fall_pct}]; `second`: what the dashed line is; `others`: [{points, colour}] to compare. */
export function EquityChart({ points, second = t("dash.earned_short"), others = [] }) {
  const box = useRef(null);
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState(null);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const height = width < 560 ? 300 : 380;
  const picked = at === null ? null : points[Math.min(at, points.length - 1)];
  const pick = (event) => {
    const x = event.clientX - box.current.getBoundingClientRect().left;
    const span = points.at(-1).time_ms - points[0].time_ms;
    const time = points[0].time_ms + (x / (width - RIGHT)) * span;
    setAt(points.reduce((best, point, index) => (Math.abs(point.time_ms - time) < Math.abs(points[best].time_ms - time) ? index : best), 0));
  };
  const press = (event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -points.length, End: points.length };
    if (!(event.key in moves)) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(points.length - 1, (at ?? points.length - 1) + moves[event.key])));
  };
  const last = points.at(-1);
  const deepest = points.reduce((low, point) => (Number(point.fall_pct) < Number(low.fall_pct) ? point : low), points[0]);
  const said = t("dash.chart_label", { from: moment(points[0].time_ms), to: moment(last.time_ms), first: number(points[0].equity), last: number(last.equity), deepest: signedPercent(deepest.fall_pct) });
  return html`<div class="curve" ref=${box} tabindex="0" role="group" aria-roledescription=${t("dash.chart")} aria-label=${said} onPointerMove=${pick} onPointerLeave=${() => setAt(null)} onKeyDown=${press} onBlur=${() => setAt(null)}>
    <p class="readout xs muted" role="status">${picked ? html`<time title=${utc(picked.time_ms)}>${moment(picked.time_ms)}</time> · ${t("dash.equity_line")} <b>${number(picked.equity)}</b> · ${second} <b>${number(picked.earned)}</b> · ${t("dash.fall")} <b>${signedPercent(picked.fall_pct)}</b>` : "\u00a0"}</p>
    ${width > 0 && html`<${Picture} points=${points} width=${width} height=${height} deepest=${deepest} picked=${picked} others=${others} />`}
  </div>`;
}

function Picture({ points, width, height, deepest, picked, others }) {
  const right = width - RIGHT;
  const bottom = height - FOOT;
  const deep = Math.round(height * 0.16);
  const split = bottom - deep - 14;
  const [from, to] = [points[0].time_ms, points.at(-1).time_ms];
  const beside = others.map((one) => ({ ...one, points: one.points.filter((point) => point.time_ms >= from && point.time_ms <= to) }));
  const values = [...points.flatMap((point) => [Number(point.equity), Number(point.earned)]), ...beside.flatMap((one) => one.points.map((point) => Number(point.equity)))];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max((high - low) * 0.06, Math.abs(high) * 1e-6, 1e-9);
  const x = (ms) => ((ms - from) / (to - from || 1)) * right;
  const y = (value) => TOP + (1 - (Number(value) - low + room) / (high - low + 2 * room)) * (split - TOP);
  const floor = Math.min(Number(deepest.fall_pct), -0.01);
  const fall = (pct) => split + 14 + (Number(pct) / floor) * deep;
  const line = (of, its = points) => its.map((point) => `${x(point.time_ms).toFixed(1)},${of(point).toFixed(1)}`).join(" ");
  const levels = ticks(low - room, high + room, 5);
  const days = moments(from, to, width < 560 ? 4 : 7);
  const at = x(deepest.time_ms);
  return html`<svg width=${width} height=${height} aria-hidden="true">
    ${levels.found.map((value) => html`<g key=${value}><line x1="0" x2=${right} y1=${y(value)} y2=${y(value)} stroke="var(--line)" /><text x=${width} y=${y(value) + 4} text-anchor="end" class="axis">${number(value, levels.decimals)}</text></g>`)}
    ${days.found.map((ms) => html`<g key=${ms}><line x1=${x(ms)} x2=${x(ms)} y1=${TOP} y2=${bottom} stroke="var(--line)" />${x(ms) > 24 && x(ms) < right - 10 && html`<text x=${x(ms)} y=${height - 6} text-anchor="middle" class="axis">${days.name(ms)}</text>`}</g>`)}
    <polyline points=${line((point) => y(point.earned))} fill="none" stroke="var(--muted)" stroke-width="1.4" stroke-dasharray="5 4" />
    ${beside.map((one) => html`<polyline key=${one.colour} points=${line((point) => y(point.equity), one.points)} fill="none" stroke=${one.colour} stroke-width="1.4" />`)}
    <polyline points=${line((point) => y(point.equity))} fill="none" stroke="var(--text)" stroke-width="2" stroke-linejoin="round" />
    <line x1="0" x2=${right} y1=${split + 14} y2=${split + 14} stroke="var(--line-strong)" />
    <polygon points=${`0,${split + 14} ${line((point) => fall(point.fall_pct))} ${right},${split + 14}`} fill="var(--loss)" fill-opacity=".35" stroke="var(--loss)" stroke-width="1" />
    <text x=${width} y=${split + 18} text-anchor="end" class="axis">${signedPercent(0, 0)}</text>
    ${Number(deepest.fall_pct) < -0.005 && html`<text x=${width} y=${bottom} text-anchor="end" class="axis">${signedPercent(deepest.fall_pct, 1)}</text>
      <text x=${at < right / 2 ? at + 6 : at - 6} y=${bottom - 3} text-anchor=${at < right / 2 ? "start" : "end"} class="deepest">${t("dash.deepest", { percent: signedPercent(deepest.fall_pct), day: dayName(deepest.time_ms) })}</text>`}
    ${picked && html`<line x1=${x(picked.time_ms)} x2=${x(picked.time_ms)} y1=${TOP} y2=${bottom} stroke="var(--accent)" /><circle cx=${x(picked.time_ms)} cy=${y(picked.equity)} r="4" fill="var(--accent)" />`}
  </svg>`;
}
