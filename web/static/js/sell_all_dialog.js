/** Sell everything: what it would bring, typed and armed after a moment; then coin by coin what became of it. */
import { html, useEffect, useState } from "./lib.js";
import { command } from "./api.js";
import { isActive } from "./coin_facts.js";
import { Dialog } from "./dialog.js";
import { Result } from "./figures.js";
import { useCommand } from "./hooks.js";
import { has, rich, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { errorText, sayError } from "./messages.js";
import { number, signed } from "./numbers.js";
import { state } from "./store.js";
import { modeOf } from "./top_bar.js";

const WORD = "SELL ALL";
const ARMED_AFTER_S = 3;
const GLYPHS = { sold: ["done", "gain"], unknown: ["unknown", "danger"], waits: ["wait", ""], too_small: ["look", ""], left: ["look", "warn"] };

/** What selling every open cycle now is worth: display only, the exchange decides. */
export function positionsNow() {
  const open = [...state.coins.values()].filter(isActive);
  const { money } = state.head;
  const worth = money.unrealised === null ? null : (Number(money.in_positions) + Number(money.unrealised)).toFixed(2);
  return { open, count: open.length, worth, result: money.unrealised, quote: money.quote };
}

export function SellAllDialog({ onClose }) {
  const [began] = useState(state.head.selling?.began_ms ?? null);
  const { phase, error, run } = useCommand();
  const { selling } = state.head;
  // A run that was over when the dialog opened is history; one that goes on, or began since, is what it shows.
  const shown = selling && (!selling.ended_ms || selling.began_ms !== began) ? selling : null;
  return shown ? html`<${Progress} selling=${shown} onClose=${onClose} />` : html`<${Ask} phase=${phase} error=${error} run=${run} onClose=${onClose} />`;
}

function Ask({ phase, error, run, onClose }) {
  const [typed, setTyped] = useState("");
  const wait = useCountdown(ARMED_AFTER_S);
  const { open, ...figures } = positionsNow();
  const values = { ...figures, worth: number(figures.worth), result: signed(figures.result) };
  const waiting = open.filter((coin) => coin.order);
  const right = typed.trim().toUpperCase() === WORD;
  const press = (event) => {
    event.preventDefault();
    if (right && !wait && figures.count) run("/api/trade/quick/sell_everything", { confirm: WORD });
  };
  const mode = modeOf(state.head);
  return html`<${Dialog} narrow title=${t("sell_all.title")} onClose=${onClose} badge=${html`<span class=${`st fill mode-badge ${mode}`}>${t(`banner.${mode}`)}</span>`}
    foot=${html`<p>${t("sell_all.then")}</p><button type="button" class="btn" data-safe onClick=${onClose}>${t("cancel")}</button>
      <button type="submit" form="sell-all" class=${`btn ${mode === "live" ? "live" : "risk"}`} disabled=${!right || wait > 0 || !figures.count || phase === "sending"}>${phase === "sending" ? t("order.sending") : wait ? t("sell_all.ready_in", { seconds: wait }) : t("sell_all.do")}</button>`}>
    <p>${rich("sell_all.means", values)}</p>
    ${waiting.length > 0 && html`<p class="msg warn">${t("sell_all.waits_for", { coins: waiting.map((coin) => coin.currency).join(", ") })}</p>`}
    <table class="dense"><thead><tr><th>${t("col.coin")}</th><th class="r">${t("sell_all.coins")}</th><th class="r">${t("sell_all.invested")}</th><th class="r">${t("col.unrealised")}</th></tr></thead>
      <tbody>${open.map((coin) => html`<tr key=${coin.currency}><td>${coin.currency}</td><td class="r">${number(coin.held, coin.amount_precision)}</td><td class="r">${number(coin.invested)}</td><td class="r"><${Result} value=${coin.unrealised} /></td></tr>`)}</tbody></table>
    <form id="sell-all" class="f" onSubmit=${press}><label for="sell-all-word">${t("sell_all.type", { word: WORD })}<em>${t("sell_all.letters", { typed: matching(typed), all: WORD.length })}</em></label>
      <input id="sell-all-word" value=${typed} autocomplete="off" autocapitalize="characters" spellcheck=${false} onInput=${(event) => setTyped(event.target.value)} /></form>
    ${phase === "refused" && html`<p class="msg danger" role="alert">${errorText(error)}</p>`}
    ${phase === "unknown" && html`<p class="msg danger" role="alert">${t("error.no_connection")}</p>`}
  <//>`;
}

function Progress({ selling, onClose }) {
  const { quote } = state.head.money;
  const done = selling.coins.filter((coin) => coin.state === "sold").length;
  const stop = () => command("/api/trade/quick/sell_everything/stop", {}).catch(sayError);
  return html`<${Dialog} narrow title=${t(selling.ended_ms ? "sell_all.ended" : "sell_all.goes_on", { done, all: selling.coins.length })} onClose=${onClose}
    foot=${html`<p>${t(selling.ended_ms ? "sell_all.resume_how" : "sell_all.closing_is_safe")}</p>
      ${!selling.ended_ms && html`<button type="button" class="btn" onClick=${stop}>${t("sell_all.stop")}</button>`}
      <button type="button" class="btn" data-safe onClick=${onClose}>${t("close")}</button>`}>
    <table class="dense" aria-live="polite"><thead><tr><th>${t("col.coin")}</th><th>${t("sell_all.state")}</th><th class="r">${t("sell_all.coins")}</th><th class="r">${t("sell_all.brought", { quote })}</th></tr></thead>
      <tbody>${selling.coins.map((coin) => html`<${Sale} key=${coin.currency} coin=${coin} />`)}</tbody></table>
  <//>`;
}

function Sale({ coin }) {
  const [glyph, tone] = GLYPHS[coin.state];
  const why = coin.code && has(`error.${coin.code}`) ? t(`error.${coin.code}`) : "";
  return html`<tr><td>${coin.currency}</td><td><span class=${`st ${tone}`}><${Icon} name=${glyph} />${t(`sell_all.state_${coin.state}`)}</span>${why && html`<p class="note">${why}</p>`}</td>
    <td class="r">${Number(coin.base) ? number(coin.base, state.coins.get(coin.currency)?.amount_precision ?? 8) : "–"}</td><td class="r">${Number(coin.quote) ? number(coin.quote) : "–"}</td></tr>`;
}

/** How many letters of the word are right so far. */
const matching = (typed) => {
  const given = typed.trimStart().toUpperCase();
  let at = 0;
  while (at < WORD.length && given[at] === WORD[at]) at += 1;
  return at;
};

function useCountdown(from) {
  const [left, setLeft] = useState(from);
  useEffect(() => {
    if (!left) return undefined;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  return left;
}
