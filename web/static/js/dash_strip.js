/** Eight figures about all coins. Each leads to the fills it is made of; a win rate never stands without what is still open. */
import { html } from "./lib.js";
import { monthName } from "./days.js";
import { Result } from "./figures.js";
import { t } from "./i18n.js";
import { NOTHING, exact, number, percent, signedPercent } from "./numbers.js";
import { address } from "./places.js";
import { moment, utc } from "./times.js";

const Cell = ({ name, value, href, below, title, children }) => html`<div class="kpi"><dt>${name}</dt><dd title=${title ?? exact(value)}>${href ? html`<a class="plain" href=${href}>${children}</a>` : children}</dd><dd class="below">${below}</dd></div>`;

export const winRate = ({ won, cycles }) => (cycles ? percent((won / cycles) * 100, 1) : NOTHING);

/** Fees in other currencies: their worth is not known here, so they stand beside. */
export const otherFees = (fees) => Object.entries(fees).map(([currency, amount]) => `${exact(amount)} ${currency}`).join(", ");

export function DashStrip({ told, asked }) {
  const [today, week, month, all] = told.periods;
  const { money, drawdown } = told;
  const days = all.since_ms ? Math.floor((told.time_ms - all.since_ms) / 86400000) + 1 : 0;
  const cycles = (count) => t("dash.cycles", { count });
  const gross = Number(all.result) + Number(all.fees);
  const others = otherFees(all.other_fees);
  const share = gross > 0 ? t("dash.of_gross", { percent: percent((Number(all.fees) / gross) * 100, 1) }) : "";
  const lost = all.cycles - all.won - all.even;
  return html`<dl class="strip eight" data-testid="dash-strip">
    <${Cell} name=${t("dash.today")} value=${today.result} href=${address("trades", { since_ms: today.since_ms })} below=${cycles(today.cycles)}><${Result} value=${today.result} /><//>
    <${Cell} name=${t("dash.week")} value=${week.result} href=${address("trades", { since_ms: week.since_ms })} below=${cycles(week.cycles)}><${Result} value=${week.result} /><//>
    <${Cell} name=${monthName(asked.month_ms, false)} value=${month.result} href=${address("trades", { since_ms: month.since_ms })} below=${cycles(month.cycles)}><${Result} value=${month.result} /><//>
    <${Cell} name=${t("dash.all")} value=${all.result} href=${address("trades")} below=${`${cycles(all.cycles)}, ${t("dash.days", { count: days })}`}><${Result} value=${all.result} /><//>
    <${Cell} name=${t("dash.win_rate")} title=${t("dash.win_means")} href=${address("trades", { side: "sell" })} below=${html`${t("dash.losses", { count: lost })} · ${t("strip.unrealised")} <${Result} value=${money.unrealised} />`}>${winRate(all)}<//>
    <${Cell} name=${t("dash.drawdown")} title=${drawdown.deepest_ms ? `${t("dash.drawdown_means")} ${moment(drawdown.deepest_ms)} (${utc(drawdown.deepest_ms)})` : t("dash.drawdown_means")} below=${t("dash.now", { percent: signedPercent(drawdown.now_pct) })}>${signedPercent(drawdown.deepest_pct)}<//>
    <${Cell} name=${t("dash.fees")} value=${all.fees} href=${address("trades")} below=${[share, others && t("dash.beside", { fees: others })].filter(Boolean).join(" · ") || money.quote}>${number(all.fees)}<//>
    <${Cell} name=${t("strip.equity")} value=${money.equity} href="#/coins" below=${t("dash.free", { amount: number(money.free) })}>${number(money.equity)}<//>
  </dl>`;
}
