/**
 * Why nothing else happens with a coin: a glyph, a word, a sentence with its numbers, and how loud that is.
 * Codes come from the engine; the sentences stand in the catalogues. Pure: the same coin, the same answer.
 */
import { isActive, shownPrice } from "./coin_facts.js";
import { has, rich, t } from "./i18n.js";
import { number, percent, signedPercent } from "./numbers.js";
import { age, moment, shortClock } from "./times.js";

const NEAR_PCT = 0.5;
const BY_PERSON = new Set(["sold_by_you", "sold_in_part_by_you", "reset_by_you"]);

// tone: danger = unknown, warn = waits for a person or the exchange, go = an order is out, q = quiet, "" = normal
const LOOKS = {
  order_in_flight: ["go", "go"], order_unknown: ["unknown", "danger"], busy: ["go", "go"], paused: ["pause", "warn"],
  off: ["off", "q"], no_quote: ["stale", "warn"], quote_too_old: ["stale", "warn"], waits_for_new_quote: ["wait", "q"],
  price_leaped: ["look", "warn"], failing: ["unknown", "danger"], clock_wrong: ["look", "danger"], unreachable: ["stale", "warn"],
  checking: ["wait", "warn"],
  market_closed: ["pause", "warn"], delisting: ["look", "warn"], balance_unknown: ["wait", "q"], shortage: ["look", "warn"],
  locked_in_your_order: ["look", "warn"], too_small_to_sell: ["look", "warn"], thin_book: ["wait", ""],
  backing_off: ["wait", "warn"], rebuy_pause: ["wait", ""], spread_too_wide: ["wait", ""], needs_money: ["look", "warn"],
  ladder_used_up: ["steps", ""], sell_only: ["pause", ""], finishing: ["pause", "q"], holds_coins: ["coins", "warn"],
  cooling_down: ["wait", "q"], above_start_limit: ["wait", "q"], bad_ladder: ["look", "warn"], limit_reached: ["wait", "q"], journal_full: ["look", "danger"], outside_band: ["look", "warn"],
  between_steps: ["wait", ""], waiting: ["wait", "q"],
};

/** What an order or command in flight is for: "start 0", "rebuy 3", "take_profit". */
export function what(code) {
  const [name, step] = (code ?? "").split(" ");
  return has(`what.${name}`) ? t(`what.${name}`, { step: step ?? "" }).trim() : code ?? "";
}

const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/** The decision's values as the sentences want them: prices, amounts, moments, distances. */
function told(coin, values, now) {
  const price = (text) => number(text, coin.price_precision);
  const coins = (text) => number(text, coin.amount_precision);
  const later = (ms) => (ms ? age(Math.max(0, Number(ms) - now)) : "–");
  const gap = (to, from) => signedPercent(Number(to) && Number(from) ? (Number(to) / Number(from) - 1) * 100 : null);
  const side = values.side ? t(`side.${values.side}`) : "";
  const quote = coin.symbol.split("_")[1];
  return {
    currency: coin.currency, symbol: coin.symbol, quote, side,
    status: values.status ?? coin.market_status ?? "", label: values.label || t("label.none"), times: values.times ?? "",
    What: capital(what(values.what ?? coin.order?.what)), what: what(values.what ?? coin.order?.what), client_id: values.client_id ?? coin.order?.client_id ?? "",
    error: values.error ?? "", seconds: values.seconds ?? "",
    ago: age(now - Number(values.since_ms ?? coin.order?.since_ms ?? now)), in: later(values.until_ms),
    age: age(Number(values.age_ms)), limit_age: age(Number(values.limit_ms)),
    since: coin.paused ? shortClock(coin.paused.since_ms) : "", at: moment(Number(values.at_s) * 1000),
    next: coin.next_buy ? price(coin.next_buy.price) : price(values.next_buy), step: values.step ?? coin.next_buy?.step ?? "",
    take_profit: price(coin.take_profit ?? values.take_profit),
    down: signedPercent(coin.distance_buy_pct), up: signedPercent(coin.distance_sell_pct),
    used: coin.steps_used, total: coin.steps_total, held: coins(values.held ?? coin.held), has_coins: coins(values.has),
    available: coins(values.available), locked: coins(values.locked), missing: coins(values.missing),
    amount: coins(values.amount), min_base: coins(values.min_base), min_quote: number(values.min_quote),
    needs: number(values.needs), has: number(values.has), short: number(String(Math.max(0, Number(values.needs) - Number(values.has)))),
    coins: coins(values.coins), worth: number(values.worth), average: price(values.average), wanted: price(values.wanted),
    spread: percent(values.spread_pct ?? coin.spread_pct), spread_limit: percent(values.limit_pct),
    before_price: price(values.before), ask: price(values.ask ?? coin.ask), limit: price(values.limit), to_limit: gap(values.limit, values.ask ?? coin.ask),
    field: values.field ? t(has(`param.${values.field}`) ? `param.${values.field}` : "param.other", { field: values.field }) : "",
    count: values.is_now ?? "", allowed: values.most ?? "", is_now: number(values.is_now), most: number(values.most),
    band: percent(values.band_pct, 1), median: price(values.median),
    why: values.why ?? "", max: values.max_active_cycles ?? "", full: number(coin.ladder_cost), price: price(shownPrice(coin)),
  };
}

/** A sharper key where the code alone would say too little. */
function variant(coin, { reason, values }, globalSwitch) {
  switch (reason) {
    case "paused": return `pause.${values.cause}`;
    case "between_steps":
      return isActive(coin) && coin.distance_sell_pct !== null && Number(coin.distance_sell_pct) <= NEAR_PCT ? "reason.near" : "reason.between_steps";
    case "order_in_flight": return ["take_profit", "stop_loss", "sell_all"].includes((values.what ?? coin.order?.what ?? "").split(" ")[0]) ? "reason.selling" : "reason.buying";
    case "off": {
      if (coin.switch !== "off" && globalSwitch === "off") return "reason.off_globally";
      return isActive(coin) ? "reason.off_active" : "reason.off";
    }
    case "sell_only": {
      if (!isActive(coin)) return coin.switch === "sell_only" ? "reason.sell_only_idle" : "reason.stopped_buys";
      return "reason.sell_only";
    }
    case "limit_reached": return values.which ? `limit_reached.${values.which}` : "reason.limit_reached";
    case "holds_coins": return "reason.holds_coins";
    case "bad_ladder": return "reason.bad_ladder";
    default: return `reason.${reason}`;
  }
}

/** What the row's button offers, by variant. */
const OFFERS = {
  "reason.order_unknown": "see_order", "reason.holds_coins": "choose", "reason.needs_money": "budget",
  "reason.bad_ladder": "ladder", "reason.shortage": "choose", "reason.price_leaped": "resume",
};

/** How loud it is and by which key it is told; cheap, for every coin at every change. */
export function lookOf(coin, globalSwitch) {
  const hold = coin.hold;
  // A price ages between two decisions; the coin says so itself.
  let [glyph, tone] = LOOKS[hold.reason] ?? LOOKS.waiting;
  let key = variant(coin, hold, globalSwitch);
  if (hold.reason === "paused" && BY_PERSON.has(hold.values.cause)) tone = "q";
  if (key.startsWith("limit_reached.")) tone = "warn";
  if (key === "reason.near") [glyph, tone] = ["near", ""];
  if (key === "reason.off_active" || key === "reason.off_globally") tone = isActive(coin) ? "warn" : "q";
  if (!has(`${key}.word`)) key = hold.reason === "paused" ? "pause.other" : "reason.waiting";
  return { glyph, tone, key };
}

export function explain(coin, globalSwitch, now) {
  const hold = coin.hold;
  const { glyph, tone, key } = lookOf(coin, globalSwitch);
  const values = told(coin, { ...(coin.paused?.values ?? {}), ...hold.values, cause: hold.values.cause ?? "" }, now);
  return {
    glyph, tone,
    word: t(`${key}.word`, values),
    sentence: rich(`${key}.text`, values),
    offer: OFFERS[key] ?? (coin.paused ? "resume" : null),
  };
}

const LOUDNESS = { danger: 0, warn: 1 };
/** Attention first: what is unknown, then what waits for a person; the rest keeps its order. */
export const loudness = (tone) => LOUDNESS[tone] ?? 2;
