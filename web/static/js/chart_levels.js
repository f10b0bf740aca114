/**
 * The price levels of a coin as lines of a chart, and what a dragged line means as a parameter of the ladder.
 * Levels come from the engine's own table; dragging only proposes a value, the engine's preview answers. Pure.
 */
import { isActive } from "./coin_facts.js";

const STEPS_DRAWN = 3;
// A further step that lies more than so many heights of the candles away would press them flat, and so would any level
// at this share of the price: it is named below the chart instead.
const FAR = 3;
const FAR_SHARE = 0.12;

/** [{kind, step, price, draggable}] as text prices: average, breakeven, take_profit, stop, and every step ahead. */
export function levelsOf(coin, table, stop = null) {
  const rows = table?.rows ?? [];
  const ahead = rows.filter((row) => !row.done && row.step !== null && row.step > 0).map((row) => ({ kind: "step", step: row.step, price: row.price, draggable: true }));
  if (!isActive(coin)) return ahead;
  const active = rows.find((row) => row.active);
  return [
    // Who wants out at breakeven has no take-profit until that is taken back.
    { kind: "take_profit", step: null, price: coin.exit_at_breakeven ? null : active?.take_profit ?? coin.take_profit, draggable: true },
    { kind: "breakeven", step: null, price: active?.breakeven ?? coin.breakeven, draggable: false },
    { kind: "average", step: null, price: coin.average, draggable: false },
    { kind: "stop", step: null, price: stop, draggable: false },
    ...ahead,
  ].filter((level) => level.price !== null && level.price !== undefined);
}

/**
 * Which levels a chart whose candles lie between low and high draws, and which it only names. `chosen` is drawn always.
 * A bought row that is chosen is drawn as the line of its price.
 */
export function framed(levels, chosen, low, high) {
  const height = Math.max(high - low, high * 0.01);
  const within = (level, room) => Number(level.price) >= low - room && Number(level.price) <= high + room;
  let steps = 0;
  const drawn = levels.filter((level) => {
    if (level.kind === "step" && level.step === chosen?.step) return true;
    if (!within(level, high * FAR_SHARE)) return false;
    if (level.kind !== "step") return true;
    steps += 1;
    return steps === 1 || (steps <= STEPS_DRAWN && within(level, height * FAR));
  });
  if (chosen?.price && !drawn.some((level) => level.kind === "step" && level.step === chosen.step)) drawn.push({ kind: "step", draggable: false, ...chosen });
  return { drawn, named: levels.filter((level) => !drawn.includes(level)) };
}

const asText = (value, decimals) => value.toFixed(decimals).replace(/\.?0+$/, "") || "0";

/**
 * What parameter puts a level where it was dragged: {name, value} or null when none does. `params`: the values shown in
 * the form, `rows` the table they made. The first step ahead moves R, a later one moves Rk, the take-profit moves Pprof.
 */
export function meantBy(level, price, params, rows) {
  if (level.kind === "take_profit") return profitFor(price, params, rows);
  const ahead = rows.filter((row) => !row.done && row.step > 0);
  const first = ahead[0];
  if (!first || level.step === null) return null;
  const drop = Number(params.drop_step_pct), growth = Number(params.drop_growth_pct);
  const fall = (step, r = drop, g = growth) => r + (step - 1) * g;
  const fromStart = params.drop_reference === "start";
  const sum = (step, r, g) => step * r + (g * step * (step - 1)) / 2;
  const shareAt = (step, r, g) => {
    if (fromStart) return 1 - sum(step, r, g) / 100;
    let share = 1;
    for (let at = first.step; at <= step; at += 1) share *= 1 - fall(at, r, g) / 100;
    return share;
  };
  // Where the falls count from, told by the engine's own first row ahead.
  const anchor = Number(first.price) / shareAt(first.step, drop, growth);
  const wanted = price / anchor;
  if (!(wanted > 0 && wanted < 1)) return null;
  const isFirst = level.step === first.step;
  const at = isFirst ? (value) => shareAt(level.step, value, growth) : (value) => shareAt(level.step, drop, value);
  let [least, most] = [isFirst ? 0.01 : 0, 50];
  if (at(least) < wanted) return { name: isFirst ? "drop_step_pct" : "drop_growth_pct", value: asText(least, 3) };
  for (let turn = 0; turn < 60; turn += 1) {
    const middle = (least + most) / 2;
    if (at(middle) > wanted) least = middle;
    else most = middle;
  }
  return { name: isFirst ? "drop_step_pct" : "drop_growth_pct", value: asText(least, 3) };
}

function profitFor(price, params, rows) {
  const active = rows.find((row) => row.active);
  if (!active) return null;
  const profit = Math.max((price / Number(active.breakeven) - 1) * 100, Number(params.min_profit_pct));
  const step = rows.filter((row) => row.done && row.step !== null).at(-1)?.step ?? 0;
  return { name: "profit_pct", value: asText(profit + step * Number(params.profit_decay_pct), 3) };
}
