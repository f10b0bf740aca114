/** The market list: which coins are there, what Gate says of each, its rules; coins join and leave while it trades. */
import { html, useEffect, useState } from "./lib.js";
import { give } from "./actions.js";
import { isReady } from "./coin_facts.js";
import { useAnswer, useCommand } from "./hooks.js";
import { t } from "./i18n.js";
import { Icon } from "./icons.js";
import { errorText } from "./messages.js";
import { state } from "./store.js";
import { SymbolRow } from "./symbol_row.js";

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
