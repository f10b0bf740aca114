/** Equity over time with its falls, over a week, a month or all of it. */
import { html, useState } from "./lib.js";
import { EquityChart } from "./equity_chart.js";
import { useAnswer } from "./hooks.js";
import { t } from "./i18n.js";
import { number } from "./numbers.js";
import { now } from "./store.js";

const DAY_MS = 86400000;
const SPANS = { week: 7 * DAY_MS, month: 30 * DAY_MS, all: 0 };
const MINUTE_MS = 60000;

export function EquityCard({ quote }) {
  const [span, setSpan] = useState("all");
  const since = SPANS[span] ? Math.floor((now() - SPANS[span]) / MINUTE_MS / 60) * MINUTE_MS * 60 : 0;
  const { answer } = useAnswer("/api/equity", { since_ms: since, points: 400 }, { everyMs: 15000 });
  const points = answer?.points ?? [];
  return html`<section class="box card" id="equity"><header><h2>${t("strip.equity")} <span class="faint">${quote}</span></h2>
      <p class="legends"><span class="legend"><i class="keyline"></i>${t("dash.equity_line")}</span><span class="legend"><i class="keyline dashed"></i>${t("dash.earned_line", { start: number(answer?.start) })}</span></p>
      <span class="push seg" role="group" aria-label=${t("dash.span")}>${Object.keys(SPANS).map((name) => html`<button type="button" key=${name} aria-pressed=${String(span === name)} onClick=${() => setSpan(name)}>${t(`dash.span.${name}`)}</button>`)}</span></header>
    ${points.length > 1 ? html`<${EquityChart} points=${points} />` : answer && html`<div class="empty"><h3>${t("dash.no_equity")}</h3><p>${t("dash.no_equity_hint")}</p></div>`}
  </section>`;
}
