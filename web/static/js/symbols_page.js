/** The market list: which coins are there, what Gate says of each, its rules; coins join and leave while it trades. */
import { html, useEffect, useState } from "./lib.js";
import { give } from "./actions.js";
import { isReady } from "./coin_facts.js";
import { useAnswer, useCommand } from "./hooks.js";
import { has, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { errorText } from "./messages.js";
import { exact, percent } from "./numbers.js";
import { Switch } from "./signs.js";
import { state } from "./store.js";
import { moment, utc } from "./times.js";

/** 0.01 for two decimals. */
const step = (precision) => exact(precision > 0 ? `0.${"0".repeat(precision - 1)}1` : "1");
const least = (text) => (Number(text) ? exact(text) : "–");

function Gate({ one }) {
  if (!one.traded) return html`<span class="st warn"><${Icon} name="look" />${t("symbols.unknown_to_gate")}</span>`;
  const { status, delisting_ms: leaves, special } = one.rules;
  return html`<span class=${`st ${status === "tradable" ? "q" : "warn"}`}><${Icon} name=${status === "tradable" ? "done" : "pause"} />${t(`symbols.status.${status}`)}</span>
    ${leaves && html` <span class="st warn" title=${utc(leaves)}><${Icon} name="look" />${t("symbols.leaves", { at: moment(leaves) })}</span>`}
    ${special && html` <span class="st warn" title=${t("symbols.st_means")}><${Icon} name="look" />${t("symbols.st")}</span>`}`;
}

/** A coin of the list: its switch, what Gate says of it, its rules, what may be done with it and why not. */
export function SymbolRow({ one, actions, onPrimary, onRemove }) {
  const coin = state.coins.get(one.currency);
  const checked = coin?.paused ? "mixed" : coin && coin.switch !== "off" ? "true" : "false";
  const rules = one.rules;
  const quote = one.quote;
  const why = one.kept_by ? t(`symbols.kept_by.${one.kept_by}`) : "";
  return html`<tr class=${one.active ? "" : "off"} data-symbol=${one.currency}>
    <td><a href=${one.traded ? `#/coin/${one.currency}` : `#/trades?symbol=${one.currency}`}><b>${one.currency}</b></a> <bdi class="faint">${one.name === one.currency ? "" : one.name}</bdi>${one.primary && html` <span class="st fill go">${t("symbols.primary")}</span>`}</td>
    <td>${coin ? html`<span class="rowx nowrap"><${Switch} checked=${checked} label=${t("switch.of", { currency: one.currency })} onPress=${() => actions.pressSwitch(coin)} /><span class="muted">${has(`mode.${one.switch}`) ? t(`mode.${one.switch}`) : one.switch}${one.state === "ACTIVE" ? `, ${t("symbols.open_cycle")}` : ""}</span></span>` : "–"}</td>
    <td><${Gate} one=${one} /></td>
    <td class="r">${rules ? step(rules.price_precision) : "–"}</td><td class="r">${rules ? step(rules.amount_precision) : "–"}</td><td class="r">${rules ? least(rules.min_base) : "–"}</td><td class="r">${rules ? html`${least(rules.min_quote)}${Number(rules.min_quote) ? html` <span class="faint">${quote}</span>` : ""}` : "–"}</td><td class="r">${rules ? percent(rules.fee_pct, 3) : "–"}</td>
    <td><span class="rowx nowrap">${!one.primary && html`<button type="button" class="btn s" onClick=${onPrimary}>${t("symbols.make_primary")}</button>`}<button type="button" class="btn s" disabled=${Boolean(why)} title=${why} aria-describedby=${why ? `kept-${one.currency}` : null} onClick=${onRemove}>${t("symbols.remove")}</button>${why && html`<small id=${`kept-${one.currency}`} class="faint">${why}</small>`}</span></td>
  </tr>`;
}

const FILTERS = {
  all: () => true,
  active: (one) => one.active,
  off: (one) => !one.active,
  attention: (one) => !one.traded || one.rules.status !== "tradable" || one.rules.delisting_ms !== null || one.rules.special,
};

export function SymbolsPage({ actions }) {
  const ready = isReady(state.head);
  const { answer, failure, again } = useAnswer("/api/symbols/list", {}, { everyMs: 5000, paused: !ready, signature: String(state.coins.size) });
  const [filter, setFilter] = useState("all");
  const [search, setSearch] = useState("");
  if (!ready) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  const list = answer?.symbols ?? [];
  const wanted = search.trim().toUpperCase();
  const shown = list.filter((one) => FILTERS[filter](one) && (!wanted || one.symbol.includes(wanted) || one.name.toUpperCase().includes(wanted)));
  const did = async (path, one) => { await give(path, { symbol: one.symbol }); again(); };
  return html`<h1 class="sr">${t("nav.symbols")}</h1>
    <div class="bar">
      <div class="search"><${Icon} name="find" /><input type="search" value=${search} placeholder=${t("coins.find")} aria-label=${t("coins.find")} onInput=${(event) => setSearch(event.target.value)} /></div>
      <div class="chips">${Object.keys(FILTERS).map((name) => { const count = list.filter(FILTERS[name]).length; return html`<button type="button" key=${name} class=${`chip${name === "attention" && count ? " hot" : ""}`} aria-pressed=${String(filter === name)} onClick=${() => setFilter(name)}>${t(`symbols.filter.${name}`)}<span>${count}</span></button>`; })}</div>
      <${AddSymbol} onAdded=${again} />
    </div>
    ${failure && html`<p class="msg warn" role="status">${errorText(failure)}</p>`}
    <section class="box card">
      ${answer && !shown.length && html`<div class="empty"><h3>${t(list.length ? "filter.nothing" : "coins.none")}</h3></div>`}
      ${shown.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${t("nav.symbols")}><table class="t symbols" data-testid="symbols"><thead><tr><th>${t("col.coin")}</th><th>${t("symbols.auto")}</th><th>${t("symbols.gate")}</th><th class="r">${t("symbols.price_step")}</th><th class="r">${t("symbols.amount_step")}</th><th class="r">${t("symbols.min_amount")}</th><th class="r">${t("symbols.min_order")}</th><th class="r">${t("symbols.fee")}</th><th>${t("symbols.list")}</th></tr></thead>
        <tbody>${shown.map((one) => html`<${SymbolRow} key=${one.symbol} one=${one} actions=${actions} onPrimary=${() => did("/api/symbols/primary", one)} onRemove=${() => (state.coins.has(one.currency) ? actions.ask({ name: "confirm", coin: one.currency, props: { title: t("symbols.remove_title", { currency: one.currency }), say: t("symbols.remove_say"), path: "/api/symbols/remove", body: { symbol: one.symbol }, label: t("symbols.remove_label", { currency: one.currency }), needsPrice: false, children: html`<p class="note">${t("symbols.remove_means", { currency: one.currency })}</p>` } }) : did("/api/symbols/remove", one))} />`)}</tbody></table></div>
      <p class="note">${t("symbols.note")}</p>`}
    </section>`;
}

/** A coin joins, switched off: nothing is bought before its own switch is turned on. */
function AddSymbol({ onAdded }) {
  const [typed, setTyped] = useState("");
  const { phase, answer, error, run, reset } = useCommand();
  useEffect(() => { if (phase === "done") { setTyped(""); onAdded(); } }, [phase]);
  const press = (event) => { event.preventDefault(); if (typed.trim()) run("/api/symbols/add", { symbol: typed.trim().toUpperCase() }); };
  const said = phase === "refused" ? errorText(error) : phase === "unknown" ? t("error.no_connection") : phase === "done" ? t("symbols.added", { symbol: answer.symbol ?? "" }) : "";
  return html`<form class="rowx push addcoin" onSubmit=${press}><label class="sr" for="add-symbol">${t("symbols.add_label")}</label><input id="add-symbol" value=${typed} placeholder=${t("symbols.add_hint")} maxlength="40" autocomplete="off" spellcheck="false" onInput=${(event) => { setTyped(event.target.value); reset(); }} /><button type="submit" class="btn" disabled=${!typed.trim() || phase === "sending"}>${t(phase === "sending" ? "symbols.adding" : "symbols.add")}</button><p class=${`xs ${phase === "done" ? "muted" : "danger"}`} role="status">${said}</p></form>`;
}
