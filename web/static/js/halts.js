/** What stands still although it should trade: why, since when, the money at stake, and the buttons that are ways out. */
import { html, useState } from "./lib.js";
import { give } from "./actions.js";
import { isReady } from "./coin_facts.js";
import { Badge } from "./signs.js";
import { useAnswer } from "./hooks.js";
import { has, rich, t } from "./i18n.js";
import { exact, number } from "./numbers.js";
import { explain } from "./reasons.js";
import { now, state } from "./store.js";
import { age, moment } from "./times.js";

const SHOWN = 5;
// What ends by itself is in the coin's row at once; here it would only make the table jump under the hand. Before
// there is a table it is told at once.
const BRIEF_MS = 60_000;
const brief = (halt) => isReady(state.head) && halt.since_ms && now() - halt.since_ms < BRIEF_MS && !halt.until_ms && halt.ways.some(({ way }) => way === "wait");

const PLACES = { adopt: "cycle", ignore: "cycle", write_off: "cycle", sell_all: "trade", change_ladder: "ladder" };

/** Word, sentence, glyph and tone of a halt. */
function told(halt, coin) {
  const account = { glyph: halt.kind === "account_pause" ? "pause" : "unknown", tone: "danger" };
  if (halt.kind === "account") {
    const key = has(`halt.${halt.code}.word`) ? `halt.${halt.code}` : `reason.${halt.code}`;
    const values = { ...halt.values, ago: age(now() - Number(halt.since_ms ?? now())) };
    return { ...account, word: t(`${key}.word`, values), sentence: rich(`${key}.text`, values) };
  }
  if (halt.kind === "account_pause") {
    const word = has(`pause.${halt.code}.word`) ? `pause.${halt.code}.word` : "pause.other.word";
    return { ...account, word: t(word), sentence: rich(has(`banner.${halt.code}`) ? `banner.${halt.code}` : "banner.account_paused", { label: "", ...halt.values }) };
  }
  const paused = halt.kind === "pause" ? { cause: halt.code, since_ms: halt.since_ms, values: halt.values } : null;
  const hold = paused ? { reason: "paused", values: { ...halt.values, cause: halt.code } } : { reason: halt.code, values: halt.values };
  return explain({ ...coin, paused, hold }, state.head.global_switch, now());
}

/** The money that hangs on it, as far as there is any. */
function atStake({ stake, currency }) {
  const quote = state.head.money?.quote ?? "";
  const parts = [];
  if (Number(stake.invested)) parts.push(t("halts.invested", { amount: number(stake.invested), quote }));
  if (stake.coins) parts.push(t("halts.coins", { coins: exact(stake.coins), currency, worth: number(stake.worth), quote }));
  if (Number(stake.reserved)) parts.push(t("halts.reserved", { amount: number(stake.reserved), quote }));
  return parts.length ? parts.join(" · ") : t("halts.nothing_at_stake");
}

/** What a button does: a request, a dialog, or the place where the choice is made; null: a person does it elsewhere. */
function Out({ way, halt, coin, actions, again }) {
  const label = t(`way.${way}`);
  const ask = (path, body) => html`<button type="button" class="btn s" onClick=${async () => (await give(path, body)) && again()}>${label}</button>`;
  const go = (href) => html`<a class="btn s" href=${href}>${label}</a>`;
  if (way === "resume") return ask("/api/autotrader/resume_cycle", { base_currency: halt.currency });
  if (way === "resume_account") return ask("/api/autotrader/resume_cycle", {});
  if (way === "reconcile") return ask("/api/reconcile", {});
  if (way === "start") return ask("/api/autotrader/start", {});
  if (way === "switch") return html`<button type="button" class="btn s" onClick=${() => actions.pressSwitch(coin)}>${label}</button>`;
  if (way === "see_order") return go("#/orders");
  if (way === "change_limits") return go("#/settings");
  if (way in PLACES) return go(`#/coin/${halt.currency}/${PLACES[way]}`);
  return null;
}

const BY_HAND = new Set(["add_money", "cancel_there", "check_key", "check_connection", "stop_other", "free_disk", "ease_disk", "put_back", "restore_backup", "fix_clock", "restart", "wait"]);

function One({ halt, actions, again }) {
  const coin = state.coins.get(halt.currency);
  if (halt.kind !== "account" && halt.kind !== "account_pause" && !coin) return null;
  const { glyph, tone, word, sentence } = told(halt, coin);
  const others = halt.ways.map(({ way }) => way).filter((way) => BY_HAND.has(way));
  const advice = others.map((way) => (way === "wait" && halt.until_ms ? t("way.wait_until", { time: moment(halt.until_ms) }) : t(`way.${way}`)));
  return html`<li data-halt=${halt.code} data-coin=${halt.currency}>
    <div class="what">${halt.currency && html`<a class="sym" href=${`#/coin/${halt.currency}`}>${halt.currency}</a>`}<${Badge} glyph=${glyph} word=${word} tone=${tone} /><span class="muted xs">${t(`halts.stops_${halt.stops}`)}${halt.since_ms ? ` · ${t("halts.since", { age: age(now() - halt.since_ms) })}` : ""}</span></div>
    <p>${sentence}</p>
    <p class="muted xs">${atStake(halt)}</p>
    <div class="out">${halt.ways.map(({ way }) => html`<${Out} key=${way} way=${way} halt=${halt} coin=${coin} actions=${actions} again=${again} />`)}${advice.length > 0 && html`<span class="muted xs">${advice.join(" · ")}</span>`}</div>
  </li>`;
}

/** All halts, or (with `currency`) those of one coin and of the account. Nothing while nothing stands still. */
export function Halts({ currency = null, actions }) {
  const [all, setAll] = useState(false);
  const signature = [...state.coins.values()].map((coin) => `${coin.hold.reason}${coin.paused?.cause ?? ""}`).join() + (state.head.account_pause?.cause ?? "") + state.head.running;
  const { answer, again } = useAnswer("/api/halts", {}, { signature, everyMs: 2000 });
  const halts = (answer?.halts ?? []).filter((halt) => (currency ? halt.currency === currency : !brief(halt)));
  if (!halts.length) return null;
  const shown = all ? halts : halts.slice(0, SHOWN);
  return html`<section class="box card halts" aria-label=${t("halts.title")}>
    <header><h2>${t("halts.title")}</h2><p>${t("halts.means")}</p></header>
    <ul>${shown.map((halt) => html`<${One} key=${`${halt.kind}|${halt.currency}|${halt.code}`} halt=${halt} actions=${actions} again=${again} />`)}</ul>
    ${halts.length > SHOWN && html`<button type="button" class="btn s" onClick=${() => setAll(!all)}>${all ? t("halts.fewer") : t("halts.all", { count: halts.length })}</button>`}
  </section>`;
}
