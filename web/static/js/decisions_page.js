/** What the engine decided for each coin, its signals: one row whenever kind or reason changed. */
import { html } from "./lib.js";
import { isReady } from "./coin_facts.js";
import { sentenceOf } from "./decisions.js";
import { FilterBar, Older, asked } from "./filter_bar.js";
import { has, t } from "./i18n.js";
import { JournalTabs } from "./journal_tabs.js";
import { usePages } from "./pages.js";
import { state } from "./store.js";
import { moment, utc } from "./times.js";

const FIELDS = ["kind"];

/** The words of a decision; of a coin that is no longer here only the reason and its values are known. */
function Words({ one }) {
  const coin = state.coins.get(one.currency);
  if (coin) return sentenceOf(one, coin);
  const key = `reason.${one.reason}.word`;
  return html`<b>${has(key) ? t(key) : one.reason}.</b> <span class="mono faint">${Object.entries(one.values).map(([name, value]) => `${name}=${value}`).join(" ")}</span>`;
}

export function DecisionsPage({ query }) {
  const ready = isReady(state.head);
  const table = usePages("/api/decisions", { ...asked(query, FIELDS), limit: 100 }, "decisions", { everyMs: 3000, paused: !ready });
  if (!ready) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  return html`
    <${FilterBar} place="decisions" query=${query} fields=${FIELDS} file="/api/decisions.csv"><${JournalTabs} here="decisions" /><//>
    <section class="box card"><header><p>${t("decisions.means")}</p></header>
      ${table.loaded && !table.rows.length && html`<div class="empty"><h3>${t("filter.nothing")}</h3></div>`}
      ${table.rows.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${t("journal.decisions")}><table class="t" data-testid="decisions"><thead><tr><th>${t("trades.time")}</th><th>${t("col.coin")}</th><th>${t("journal.signal")}</th><th>${t("journal.why")}</th></tr></thead>
        <tbody>${table.rows.map((one) => html`<tr key=${one.id}><td title=${utc(one.time_ms)}>${moment(one.time_ms)}</td><td><a href=${`#/coin/${one.currency}`}>${one.currency}</a></td><td><span class=${`st ${one.kind === "hold" ? "q" : "go"}`}>${t(`kind.${one.kind}`)}</span></td><td class="words"><${Words} one=${one} /></td></tr>`)}</tbody></table></div><${Older} table=${table} />`}
    </section>`;
}
