/** All coins together: results by period with a calendar, equity, each coin, the money that ladders need. */
import { html, useState } from "./lib.js";
import { CapitalNeed } from "./capital_need.js";
import { isReady } from "./coin_facts.js";
import { CoinResults } from "./coin_results.js";
import { DashStrip } from "./dash_strip.js";
import { dayOf, monthOf, weekOf } from "./days.js";
import { EquityCard } from "./equity_card.js";
import { useAnswer } from "./hooks.js";
import { t } from "./i18n.js";
import { PnlCalendar } from "./pnl_calendar.js";
import { now, state } from "./store.js";

export function DashboardPage() {
  const ready = isReady(state.head);
  const here = now();
  const asked = { today_ms: dayOf(here), week_ms: weekOf(here), month_ms: monthOf(here) };
  const { answer, failure } = useAnswer("/api/dashboard", asked, { everyMs: 5000, paused: !ready });
  const [month, setMonth] = useState(null);
  if (!ready) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  if (answer === null) return html`<h1 class="sr">${t("nav.dashboard")}</h1><div class="box card"><p class="muted" role="status">${failure ? t("dash.failed") : t("connecting")}</p><div class="skel"></div></div>`;
  const signature = `${answer.periods.at(-1).fills}`;
  return html`<h1 class="sr">${t("nav.dashboard")}</h1>
    ${failure && html`<p class="msg warn" role="status">${t("dash.failed")}</p>`}
    ${!answer.complete && html`<p class="msg" role="status">${t("dash.counting", { count: answer.counted })}</p>`}
    <${DashStrip} told=${answer} asked=${asked} />
    <div class="two fillh">
      <div><${EquityCard} quote=${answer.money.quote} deepest=${answer.drawdown} /></div>
      <div><${PnlCalendar} month=${month ?? asked.month_ms} today=${asked.today_ms} first=${answer.periods.at(-1).since_ms} signature=${signature} onMonth=${setMonth} /></div>
    </div>
    <div class="two">
      <div><${CoinResults} told=${answer} asked=${asked} /></div>
      <div><${CapitalNeed} told=${answer} /></div>
    </div>`;
}
