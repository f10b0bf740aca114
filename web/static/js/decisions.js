/** What was decided for a coin, newest first; one line whenever the kind or the reason changed. */
import { html, useState } from "./lib.js";
import { Failed, get } from "./api.js";
import { useAnswer } from "./hooks.js";
import { has, rich, t } from "./i18n.js";
import { sayError } from "./messages.js";
import { number } from "./numbers.js";
import { explain, what } from "./reasons.js";
import { clock, moment, utc } from "./times.js";

const SHOWN = 12;
const PAGE = 50;
const MOST = 1000;
const NOW_ONLY = new Set(["rebuy_pause", "sell_only"]);
const DAY_MS = 86400000;

/** A decision as a sentence: a Hold reads like the row's reason did at that moment. */
export function sentenceOf(decision, coin) {
  const { kind, reason, values } = decision;
  if (kind !== "hold") {
    const amount = number(values.amount, kind === "buy" ? 2 : coin.amount_precision);
    return rich(`decision.${kind}`, { what: what(`${reason} ${values.step ?? ""}`.trim()), amount, currency: coin.currency, price: number(values.price, coin.price_precision), quote: coin.symbol.split("_")[1] });
  }
  if (!has(`decision.${reason}`)) {
    // Without values of its own the sentence would speak of the coin as it is now.
    if (Object.keys(values).length === 0 || NOW_ONLY.has(reason)) return html`<b>${t(has(`reason.${reason}.word`) ? `reason.${reason}.word` : "reason.waiting.word")}.</b>`;
    const { word, sentence } = explain({ ...coin, paused: null, order: null, hold: { reason, values } }, "on", decision.time_ms);
    return html`<b>${word}.</b> ${sentence}`;
  }
  const price = (text) => number(text, coin.price_precision);
  return rich(`decision.${reason}`, { next: price(values.next_buy), ask: price(values.ask), take_profit: price(values.take_profit), bid: price(values.bid), cause: values.cause ? t(has(`pause.${values.cause}.word`) ? `pause.${values.cause}.word` : "pause.other.word") : "" });
}

export function Decisions({ coin }) {
  const { answer } = useAnswer("/api/decisions", { base_currency: coin.currency, limit: SHOWN }, { signature: `${coin.hold.reason}|${coin.steps_used}|${coin.cycle_id}`, everyMs: 2000 });
  const [older, setOlder] = useState([]);
  const [ended, setEnded] = useState(false);
  const newest = answer?.decisions ?? [];
  const known = new Set(newest.map((one) => one.id));
  const list = [...newest, ...older.filter((one) => !known.has(one.id))];
  const more = async () => {
    try {
      // What scrolled out of the newest ones since the last page is asked for again, so that nothing is left out.
      const from = newest.at(-1).id;
      const next = await get("/api/decisions", { base_currency: coin.currency, limit: Math.min(PAGE + older.length, MOST), before: from });
      setOlder(next.decisions);
      setEnded(next.decisions.length < PAGE + older.length || next.decisions.length >= MOST);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      sayError(error);
    }
  };
  const today = (ms) => Date.now() - ms < DAY_MS && new Date(ms).getDate() === new Date().getDate();
  return html`<section class="box card" id="decisions"><header><h2>${t("decisions.title")}</h2><p>${t("decisions.means")}</p></header>
    ${answer && !list.length && html`<p class="muted">${t("decisions.none")}</p>`}
    <ul class="log">${list.map((one) => html`<li key=${one.id}><time title=${utc(one.time_ms)}>${today(one.time_ms) ? clock(one.time_ms) : moment(one.time_ms)}</time><span class=${`st ${one.kind === "hold" ? "q" : "go"}`}>${t(`kind.${one.kind}`)}</span><p>${sentenceOf(one, coin)}</p></li>`)}</ul>
    ${newest.length >= SHOWN && !ended && html`<p><button type="button" class="btn s" onClick=${more}>${t("decisions.more")}</button></p>`}
  </section>`;
}
