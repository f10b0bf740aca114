/**
 * The candle chart itself: lightweight-charts with our levels, markers and live candle. Loaded only where it is shown.
 * Prices become floats here and only here: for places on the screen, never for money.
 */
import { CandlestickSeries, createChart, createSeriesMarkers } from "../vendor/lightweight-charts-5.2.1/lightweight-charts.module.js";
import { lang } from "./i18n.js";
import { number } from "./numbers.js";
import { shortClock } from "./times.js";

// A word beside a mark is about so many candles wide.
const WORD_CANDLES = 12;
const LINES = { average: { lineStyle: 1, lineWidth: 1 }, breakeven: { lineStyle: 0, lineWidth: 1 }, take_profit: { lineStyle: 0, lineWidth: 2 }, step: { lineStyle: 2, lineWidth: 1 }, stop: { lineStyle: 0, lineWidth: 1 } };
const COLOURS = { average: "--lv-avg", breakeven: "--lv-be", take_profit: "--lv-tp", step: "--lv-step", stop: "--danger" };
const DATES = [{ year: "numeric" }, { month: "short" }, { day: "numeric", month: "short" }];
const SPARSE_DOTS = 4;
const GRAB_PX = 6;
const NARROW_PX = 600;
const DAY_MS = 86_400_000;
const SETTLE_MS = 1200;
// The wheel scrolls the page, not the chart.
const MOVES = {
  handleScroll: { mouseWheel: false, pressedMouseMove: true, horzTouchDrag: true, vertTouchDrag: false },
  handleScale: { mouseWheel: false, pinch: true, axisPressedMouseMove: true, axisDoubleClickReset: true },
};
const SHOWN = { wide: 160, narrow: 70 };

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const spelling = () => (lang() === "en" ? "en-GB" : lang());

export class ChartView {
  /** `onHover(candle|null)`; `onDrag(level, price, done)` while a draggable line is moved with the mouse. */
  constructor(host, { precision, onHover, onDrag }) {
    this.host = host;
    this.precision = precision;
    this.onDrag = onDrag;
    this.candles = [];
    this.lines = [];
    this.reach = [];
    this.shiftS = 0;
    this.dragged = null;
    // The logo brings a style element along, which the policy forbids; the link below the chart names its makers instead.
    this.chart = createChart(host, { autoSize: true, layout: { attributionLogo: false } });
    this.series = this.chart.addSeries(CandlestickSeries, {});
    this.markers = createSeriesMarkers(this.series, []);
    this.chart.subscribeCrosshairMove((at) => onHover(at.time === undefined ? null : this.candles[at.logical] ?? null));
    this.recolour();
    this.follow();
  }

  recolour() {
    const price = (value) => number(value.toFixed(this.precision), this.precision);
    const text = token("--muted"), line = token("--line");
    this.chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: text, fontFamily: token("--font"), fontSize: 12 },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      crosshair: { mode: 0, vertLine: { color: token("--line-strong"), labelBackgroundColor: token("--raised") }, horzLine: { color: token("--line-strong"), labelBackgroundColor: token("--raised") } },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.06 } },
      timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, rightOffset: 4, tickMarkFormatter: (time, kind) => this.tick(time, kind) },
      localization: { locale: spelling(), priceFormatter: price, timeFormatter: (time) => this.moment(time) },
      ...MOVES,
    });
    const up = token("--candle-up"), down = token("--candle-down");
    this.series.applyOptions({
      upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down,
      priceLineColor: token("--text"), priceLineStyle: SPARSE_DOTS, priceFormat: { type: "price", precision: this.precision, minMove: 10 ** -this.precision },
      autoscaleInfoProvider: (own) => this.scale(own()),
    });
    if (this.levels) this.setLevels(this.levels, this.titleOf);
    if (this.fills) this.setFills(this.fills);
  }

  /** Levels that are drawn stay inside the picture. */
  scale(info) {
    const prices = this.reach;
    if (!info?.priceRange || !prices.length) return info;
    const { minValue, maxValue } = info.priceRange;
    return { ...info, priceRange: { minValue: Math.min(minValue, ...prices), maxValue: Math.max(maxValue, ...prices) } };
  }

  /** Candles of the API; times are shifted so that the library, which thinks in UTC, writes the person's own. */
  setCandles(candles, intervalMs) {
    const fresh = this.intervalMs !== intervalMs || !this.candles.length;
    this.intervalMs = intervalMs;
    this.candles = candles.map((one) => ({ time_ms: one.time_ms, open: Number(one.open), high: Number(one.high), low: Number(one.low), close: Number(one.close), volume: one.volume }));
    const newest = candles.at(-1)?.time_ms ?? Date.now();
    this.shiftS = intervalMs >= DAY_MS ? 0 : -new Date(newest).getTimezoneOffset() * 60;
    this.series.setData(this.candles.map((one) => this.drawn(one)));
    if (fresh) this.showNewest();
  }

  /** A phone: shorter names, fewer candles. */
  get narrow() {
    return this.host.clientWidth < NARROW_PX;
  }

  drawn({ time_ms: ms, open, high, low, close }) {
    return { time: Math.floor(ms / 1000) + this.shiftS, open, high, low, close };
  }

  showNewest() {
    const shown = this.narrow ? SHOWN.narrow : SHOWN.wide;
    const end = this.candles.length + 4;
    this.chart.timeScale().setVisibleLogicalRange({ from: end - shown, to: end });
  }

  showAll() {
    this.chart.timeScale().fitContent();
  }

  /** Show twice as much, or half of it, at the same right edge. */
  zoom(factor) {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return;
    const width = Math.min(Math.max((range.to - range.from) * factor, 10), Math.max(this.candles.length * 1.2, 20));
    this.chart.timeScale().setVisibleLogicalRange({ from: range.to - width, to: range.to });
  }

  /** A price that was told just now moves the last candle or begins the next one. */
  setLive(price, nowMs) {
    if (!this.intervalMs || !(price > 0)) return;
    const last = this.candles.at(-1);
    const begins = Math.floor(nowMs / this.intervalMs) * this.intervalMs;
    if (last && begins < last.time_ms) return;
    if (last && begins === last.time_ms) Object.assign(last, { close: price, high: Math.max(last.high, price), low: Math.min(last.low, price) });
    else {
      const open = last?.close ?? price;
      this.candles.push({ time_ms: begins, open, high: Math.max(open, price), low: Math.min(open, price), close: price, volume: null });
    }
    this.series.update(this.drawn(this.candles.at(-1)));
  }

  /** Lowest and highest price of the candles in sight. */
  bounds() {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const seen = range ? this.candles.slice(Math.max(0, Math.floor(range.from)), Math.ceil(range.to) + 1) : this.candles;
    const used = seen.length ? seen : this.candles;
    return used.length ? { low: Math.min(...used.map((one) => one.low)), high: Math.max(...used.map((one) => one.high)) } : null;
  }

  /** Draw these lines; one that is already there only moves, so that a drag under way is not disturbed. */
  setLevels(levels, titleOf) {
    Object.assign(this, { levels, titleOf });
    const keyOf = (level) => `${level.kind} ${level.step}`;
    const before = new Map(this.lines.map((one) => [keyOf(one.level), one]));
    this.lines = levels.map((level) => {
      const colour = token(COLOURS[level.kind]);
      const look = {
        ...LINES[level.kind], lineWidth: level.chosen ? 3 : LINES[level.kind].lineWidth, price: Number(level.price), color: colour,
        title: titleOf(level), axisLabelVisible: true, axisLabelColor: colour, axisLabelTextColor: token("--bg"),
      };
      const known = before.get(keyOf(level));
      before.delete(keyOf(level));
      if (!known) return { level, line: this.series.createPriceLine(look) };
      known.level = level;
      if (known !== this.dragged) known.line.applyOptions(look);
      return known;
    });
    before.forEach(({ line }) => this.series.removePriceLine(line));
    this.reach = levels.map((level) => Number(level.price));
    this.series.applyOptions({});
  }

  /** [{time_ms, side, text}]: buys below the bar, sales above; one mark per candle, words where none is beside them. */
  setFills(fills) {
    this.fills = fills;
    const first = this.candles[0]?.time_ms;
    const marks = new Map();
    for (const fill of fills) {
      if (first === undefined || fill.time_ms < first) continue;
      const ms = this.candleOf(fill.time_ms);
      const mark = marks.get(`${fill.side}${ms}`) ?? { ms, buy: fill.side === "buy", texts: [] };
      mark.texts.push(fill.text);
      marks.set(`${fill.side}${ms}`, mark);
    }
    const sorted = [...marks.values()].sort((one, other) => one.ms - other.ms);
    const at = new Map(this.candles.map((candle, index) => [candle.time_ms, index]));
    const worded = { true: Infinity, false: Infinity };
    // The newest ones have their words; an arrow alone says that older ones were.
    for (const mark of [...sorted].reverse()) {
      mark.said = !this.narrow && worded[mark.buy] - at.get(mark.ms) >= WORD_CANDLES;
      if (mark.said) worded[mark.buy] = at.get(mark.ms);
    }
    this.markers.setMarkers(sorted.map(({ ms, buy, texts, said }) => ({
      time: Math.floor(ms / 1000) + this.shiftS, position: buy ? "belowBar" : "aboveBar", shape: buy ? "arrowUp" : "arrowDown",
      color: token(buy ? "--lv-step" : "--gain"), text: !said || !texts[0] ? "" : texts.length > 1 ? `${texts[0]} +${texts.length - 1}` : texts[0],
    })));
  }

  candleOf(ms) {
    let found = this.candles[0].time_ms;
    for (const one of this.candles) if (one.time_ms <= ms) found = one.time_ms;
    return found;
  }

  /** A draggable line under the mouse follows it; everything else is the chart's own. */
  follow() {
    const { host } = this;
    const yOf = (event) => event.clientY - host.getBoundingClientRect().top;
    const under = (event) => {
      const y = yOf(event);
      const near = this.lines.filter(({ level }) => level.draggable).map((one) => ({ one, away: Math.abs((this.series.priceToCoordinate(Number(one.level.price)) ?? -1e6) - y) }));
      near.sort((one, other) => one.away - other.away);
      return near[0]?.away <= GRAB_PX ? near[0].one : null;
    };
    host.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      this.dragged = under(event);
      if (!this.dragged) return;
      this.chart.applyOptions({ handleScroll: false, handleScale: false });
      host.setPointerCapture(event.pointerId);
    }, true);
    host.addEventListener("pointermove", (event) => {
      if (!this.dragged) {
        host.classList.toggle("grab", event.pointerType === "mouse" && event.buttons === 0 && under(event) !== null);
        return;
      }
      const price = this.series.coordinateToPrice(yOf(event));
      if (!(price > 0)) return;
      this.dragged.line.applyOptions({ price });
      this.onDrag(this.dragged.level, price);
    }, true);
    const drop = () => {
      if (!this.dragged) return;
      this.dragged = null;
      this.chart.applyOptions(MOVES);
      // The engine's answer moves it to a price that exists; without one it goes back to where it was.
      setTimeout(() => this.dragged || this.gone || this.setLevels(this.levels, this.titleOf), SETTLE_MS);
    };
    host.addEventListener("pointerup", drop, true);
    host.addEventListener("pointercancel", drop, true);
  }

  /** The shifted time of the library as the moment it stands for. */
  real(time) {
    return (time - this.shiftS) * 1000;
  }

  /** Years, months and days by the library's kind of tick; a day's candle begins at midnight UTC. */
  tick(time, kind) {
    return kind in DATES ? this.date(time, kind) : shortClock(this.real(time));
  }

  moment(time) {
    return this.intervalMs >= DAY_MS ? this.date(time, 2) : `${this.date(time, 2)} ${shortClock(this.real(time))}`;
  }

  date(time, kind) {
    return new Intl.DateTimeFormat(spelling(), { ...DATES[kind], timeZone: this.intervalMs >= DAY_MS ? "UTC" : undefined }).format(this.real(time));
  }

  remove() {
    this.gone = true;
    this.chart.remove();
  }
}
