/**
 * The chart of a coin: candles, what was bought and sold, and the levels that decide. Levels follow what is typed in the
 * ladder form, or dragged here, before anything is applied. Everything in it stands in tables too.
 */
import { html, useEffect, useMemo, useRef, useState } from "./lib.js";
import { useChart } from "./chart_host.js";
import { framed, levelsOf, meantBy } from "./chart_levels.js";
import { isStale } from "./coin_row.js";
import { shownPrice } from "./coin_facts.js";
import { useAnswer } from "./hooks.js";
import { lang, rich, t } from "./i18n.js";
import { keep, kept } from "./kept.js";
import { errorText } from "./messages.js";
import { exact, number } from "./numbers.js";
import { what } from "./reasons.js";
import { now } from "./store.js";
import { moment, utc } from "./times.js";

const INTERVALS = { "1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000 };
const ROWS = 60;
const SOURCE = { name: "TradingView Lightweight Charts™", address: "https://www.tradingview.com/" };

const titleOf = (level) => (level.kind === "step" ? (level.step ? t("level.buy", { step: level.step }) : t(level.step === 0 ? "step.start" : "level.extra")) : t(`level.${level.kind}`));

/** On a phone a line's name is short, so that it does not lie over the candles. */
const shortTitleOf = (level) => (level.kind === "step" ? String(level.step ?? "+") : t(`level.short.${level.kind}`));

const markOf = ({ why, step, side }) => (side === "sell" ? t("mark.sold") : why === "start" ? t("step.start") : why === "rebuy" ? t("level.buy", { step }) : t("level.extra"));

/** One mark per order: {time_ms, side, text}. Pure. */
export function marksOf(fills) {
  const marks = new Map();
  for (const fill of fills) {
    marks.set(fill.client_id, { time_ms: fill.time_ms, side: fill.side, text: markOf(fill) });
  }
  return [...marks.values()].sort((one, other) => one.time_ms - other.time_ms);
}

/** `preview`: the table as typed parameters would make it; `chosen`: {step, price} of a row a person clicked. */
export function ChartCard({ coin, table, preview, params, chosen, onDragged }) {
  const [interval, setInterval_] = useState(kept("interval") in INTERVALS ? kept("interval") : "15m");
  const [hovered, setHovered] = useState(null);
  const [bounds, setBounds] = useState(null);
  const { answer, failure } = useAnswer(`/api/chart/data/${encodeURIComponent(coin.symbol)}`, { interval }, { everyMs: 20_000, signature: `${coin.cycle_id}|${coin.steps_used}|${coin.invested}|${coin.state}` });
  const shown = useRef({});
  const used = preview ?? table;
  const stop = answer?.levels.find((level) => level.kind === "stop")?.price ?? null;
  const levels = useMemo(() => levelsOf(coin, used, stop), [used, stop, coin.average, coin.take_profit, coin.breakeven, coin.state, coin.exit_at_breakeven]);
  const drag = useRef(null);
  drag.current = (level, price) => {
    const meant = params && used ? meantBy(level, price, params, used.rows) : null;
    if (meant) onDragged(meant.name, meant.value);
  };

  const [host, view] = useChart({ precision: coin.price_precision, onHover: setHovered, onDrag: (level, price) => drag.current(level, price) });
  useEffect(() => {
    if (!view || !answer || answer.interval !== interval) return;
    view.setCandles(answer.candles, INTERVALS[interval]);
    view.setFills(marksOf(answer.fills));
    shown.current = answer;
    setBounds(view.bounds());
  }, [view, answer, lang()]);
  const { drawn, named } = useMemo(() => (bounds ? framed(levels, chosen, bounds.low, bounds.high) : { drawn: [], named: [] }), [levels, chosen, bounds]);
  useEffect(() => {
    if (view) view.setLevels(drawn.map((level) => ({ ...level, chosen: chosen !== null && level.kind === "step" && level.step === chosen.step })), view.narrow ? shortTitleOf : titleOf);
  }, [view, drawn, chosen, lang()]);
  const price = shownPrice(coin);
  useEffect(() => {
    if (view && answer && price !== null && !isStale(coin)) view.setLive(Number(price), now());
  }, [view, answer, price]);

  const pick = (name) => { setInterval_(name); keep("interval", name); };
  const candles = answer?.candles ?? [];
  const spelled = (text) => number(text, coin.price_precision);
  const label = t("chart.label", { currency: coin.currency, interval: t(`interval.${interval}`), price: spelled(price), count: candles.length, levels: levels.map((level) => `${titleOf(level)} ${spelled(level.price)}`).join(", ") || t("chart.no_levels") });
  return html`<section class="box card" id="chart">
    <header><h2>${t("chart.title")}</h2><p class=${preview ? "warn" : ""}>${t(preview ? "chart.not_applied" : "chart.means")}</p>
      <span class="push rowx"><span class="seg" role="group" aria-label=${t("chart.interval")}>${Object.keys(INTERVALS).map((name) => html`<button key=${name} type="button" aria-pressed=${String(name === interval)} onClick=${() => pick(name)}>${t(`interval.${name}`)}</button>`)}</span>
      <span class="seg desk" role="group" aria-label=${t("chart.zoom")}><button type="button" aria-label=${t("chart.closer")} onClick=${() => view?.zoom(0.5)}>+</button><button type="button" aria-label=${t("chart.further")} onClick=${() => view?.zoom(2)}>−</button><button type="button" onClick=${() => view?.showNewest()}>${t("chart.newest")}</button></span></span></header>
    <p class="candle xs muted" aria-hidden="true">${hovered ? html`<${Hovered} candle=${hovered} coin=${coin} />` : ""}</p>
    <div class="chart-host" ref=${host} role="img" aria-label=${label} data-testid="chart" data-candles=${candles.length} data-levels=${drawn.map((level) => `${level.kind}${level.step ?? ""}=${level.price}`).join(" ")} data-fills=${marksOf(answer?.fills ?? []).map((mark) => mark.text).join(", ")}></div>
    ${failure && html`<p class="msg warn">${errorText(failure)}</p>`}
    ${answer?.problem && html`<p class="note w">${t("chart.problem")} <span class="faint">${answer.problem.message}</span></p>`}
    ${answer && !candles.length && html`<p class="note">${t("chart.none")}</p>`}
    <div class="chart-foot xs faint"><${Named} named=${named} coin=${coin} bounds=${bounds} /><a class="faint push" href=${SOURCE.address} target="_blank" rel="noopener noreferrer">${SOURCE.name}</a></div>
    <${AsTables} answer=${answer} levels=${levels} coin=${coin} />
  </section>`;
}

function Hovered({ candle, coin }) {
  const price = (value) => number(value.toFixed(coin.price_precision), coin.price_precision);
  return html`<b>${moment(candle.time_ms)}</b> ${rich("chart.hovered", { open: price(candle.open), high: price(candle.high), low: price(candle.low), close: price(candle.close) })}`;
}

/** Levels too far away to be drawn, in words. */
function Named({ named, coin, bounds }) {
  if (!bounds || !named.length) return html`<span></span>`;
  const price = (text) => number(text, coin.price_precision);
  const steps = named.filter((level) => level.kind === "step");
  const others = named.filter((level) => level.kind !== "step");
  const say = [];
  if (steps.length) say.push(t("chart.steps_below", { from: steps[0].step, to: steps.at(-1).step, price: price(steps.at(-1).price) }));
  for (const level of others) say.push(t(Number(level.price) > bounds.high ? "chart.lies_above" : "chart.lies_below", { level: titleOf(level), price: price(level.price) }));
  return html`<span>${say.join(" · ")}</span>`;
}

/** The same as figures: levels, fills, newest candles. Drawn only when opened. */
function AsTables({ answer, levels, coin }) {
  const [open, setOpen] = useState(false);
  const price = (text) => number(text, coin.price_precision);
  return html`<details class="more" onToggle=${(event) => setOpen(event.currentTarget.open)}><summary>${t("chart.as_tables")}</summary>
    ${open && html`
      <table class="t tight"><caption class="sr">${t("chart.levels")}</caption><thead><tr><th>${t("chart.level")}</th><th class="r">${t("table.price")}</th></tr></thead><tbody>${levels.map((level) => html`<tr key=${`${level.kind}${level.step}`}><td>${titleOf(level)}</td><td class="r">${price(level.price)}</td></tr>`)}</tbody></table>
      ${answer?.fills.length > 0 && html`<div class="scroll" tabindex="0"><table class="t tight"><caption class="sr">${t("chart.fills")}</caption><thead><tr><th>${t("trades.time")}</th><th>${t("trades.what")}</th><th class="r">${t("table.price")}</th><th class="r">${coin.currency}</th></tr></thead><tbody>${answer.fills.slice(-ROWS).reverse().map((fill, at) => html`<tr key=${at}><td title=${utc(fill.time_ms)}>${moment(fill.time_ms)}</td><td>${what(fill.step === null ? fill.why : `${fill.why} ${fill.step}`)}</td><td class="r">${price(fill.price)}</td><td class="r">${exact(fill.base)}</td></tr>`)}</tbody></table></div>`}
      ${answer?.candles.length > 0 && html`<div class="scroll tall" tabindex="0"><table class="t tight"><caption class="sr">${t("chart.candles")}</caption><thead><tr><th>${t("trades.time")}</th>${["open", "high", "low", "close"].map((name) => html`<th class="r" key=${name}>${t(`candle.${name}`)}</th>`)}<th class="r">${t("candle.volume")}</th></tr></thead><tbody>${answer.candles.slice(-ROWS).reverse().map((one) => html`<tr key=${one.time_ms}><td title=${utc(one.time_ms)}>${moment(one.time_ms)}</td><td class="r">${price(one.open)}</td><td class="r">${price(one.high)}</td><td class="r">${price(one.low)}</td><td class="r">${price(one.close)}</td><td class="r">${exact(one.volume)}</td></tr>`)}</tbody></table></div>`}`}
  </details>`;
}
