/** One coin: head, breakeven table, cycle, decisions, history; Quick Trade and ladder beside them. */
import { html, useEffect, useState } from "./lib.js";
import { BreakevenTable, useTable } from "./breakeven_table.js";
import { ChartCard } from "./chart_card.js";
import { isReady } from "./coin_facts.js";
import { CoinHead } from "./coin_head.js";
import { CycleCard } from "./cycle_card.js";
import { CycleHistory } from "./cycle_history.js";
import { Decisions } from "./decisions.js";
import { Halts } from "./halts.js";
import { useStore } from "./hooks.js";
import { t } from "./i18n.js";
import { LadderForm } from "./ladder_form.js";
import { OrderBook } from "./order_book.js";
import { QuickTrade } from "./quick_trade.js";
import { state } from "./store.js";

const PARTS = ["chart", "table", "trade", "book", "ladder", "cycle", "decisions", "history"];

export function CoinPage({ currency, part, actions }) {
  useStore();
  const [revision, setRevision] = useState(0);
  const coin = state.coins.get(currency);
  const [draft, setDraft] = useState({});
  const [outlook, setOutlook] = useState({ params: null, after: null });
  const [chosen, setChosen] = useState(null);
  const table = useTable(coin, revision);
  const ready = isReady(state.head) && coin !== undefined;
  useEffect(() => {
    if (ready && part) document.getElementById(part)?.scrollIntoView({ block: "start" });
  }, [part, ready]);
  if (!isReady(state.head)) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  if (!coin) return html`<div class="box empty"><h3>${t("coin.unknown", { currency })}</h3><a class="btn" href="#/coins">${t("nav.coins")}</a></div>`;
  return html`
    <${CoinHead} coin=${coin} actions=${actions} />
    <${Halts} currency=${currency} actions=${actions} />
    <nav class="phone chips jump" aria-label=${t("coin.parts")}>${PARTS.map((name) => html`<a key=${name} class="chip btn s" href=${`#/coin/${currency}/${name}`}>${t(`part.${name}`)}</a>`)}</nav>
    <div class="two">
      <div><${ChartCard} key=${currency} coin=${coin} table=${table.answer} preview=${outlook.after?.error ? null : outlook.after} params=${outlook.params} chosen=${chosen} onDragged=${(name, value) => setDraft((before) => ({ ...before, [name]: value }))} />
        <${BreakevenTable} coin=${coin} table=${table} chosen=${chosen} onChoose=${setChosen} /><${CycleCard} coin=${coin} revision=${revision} actions=${actions} /><${Decisions} coin=${coin} /><${CycleHistory} coin=${coin} /></div>
      <div><${QuickTrade} key=${currency} coin=${coin} actions=${actions} /><${OrderBook} key=${`book-${currency}`} coin=${coin} /><${LadderForm} key=${currency} coin=${coin} revision=${revision} actions=${actions} form=${[draft, setDraft]} onOutlook=${setOutlook} onApplied=${() => setRevision(revision + 1)} /></div>
    </div>`;
}
