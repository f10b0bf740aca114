/** What persons and the engine itself changed and told: who, when, what, with its values. */
import { html } from "./lib.js";
import { isReady } from "./coin_facts.js";
import { FilterBar, Older, asked } from "./filter_bar.js";
import { has, t } from "./i18n.js";
import { JournalTabs } from "./journal_tabs.js";
import { alertText } from "./messages.js";
import { usePages } from "./pages.js";
import { state } from "./store.js";
import { moment, utc } from "./times.js";

const FIELDS = ["record"];

const written = (values) => Object.entries(values ?? {}).filter(([, value]) => value !== null && value !== "").map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`).join("  ");

function What({ one }) {
  if (one.kind === "alert") return alertText({ code: one.name, values: one.values ?? {}, currency: one.currency });
  if (one.kind === "switch") return html`${t("record.switched")} <b>${has(`mode.${one.name}`) ? t(`mode.${one.name}`) : one.name}</b>`;
  if (one.kind === "pause" && one.values === null) return t("record.pause_ended");
  const key = one.kind === "pause" ? `pause.${one.values.cause}.word` : `record.${one.kind}.${one.name}`;
  const words = has(key) ? t(key) : one.name || t(`record.${one.kind}`);
  return html`<b>${words}</b> <span class="mono faint">${written(one.values)}</span>`;
}

export function RecordPage({ query }) {
  const ready = isReady(state.head);
  const table = usePages("/api/record", { ...asked(query, FIELDS), limit: 100 }, "record", { everyMs: 5000, paused: !ready });
  if (!ready) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  const by = (name) => (has(`record.by.${name}`) ? t(`record.by.${name}`) : name);
  return html`
    <${FilterBar} place="record" query=${query} fields=${FIELDS} file="/api/record.csv"><${JournalTabs} here="record" /><//>
    <section class="box card"><header><p>${t("record.means")}</p></header>
      ${table.loaded && !table.rows.length && html`<div class="empty"><h3>${t("filter.nothing")}</h3></div>`}
      ${table.rows.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${t("journal.record")}><table class="t" data-testid="record"><thead><tr><th>${t("trades.time")}</th><th>${t("col.coin")}</th><th>${t("record.kind")}</th><th>${t("record.by")}</th><th>${t("trades.what")}</th></tr></thead>
        <tbody>${table.rows.map((one) => html`<tr key=${one.id}><td title=${utc(one.time_ms)}>${moment(one.time_ms)}</td><td>${one.currency ? html`<a href=${`#/coin/${one.currency}`}>${one.currency}</a>` : t("trades.all")}</td><td><span class=${`st ${one.priority === "high" ? "danger" : one.kind === "alert" ? "warn" : "q"}`}>${t(`record.${one.kind}`)}</span></td><td class="muted">${by(one.by)}</td><td class="words"><${What} one=${one} /></td></tr>`)}</tbody></table></div><${Older} table=${table} />`}
    </section>`;
}
