/** The money of all coins: one figure per cell, its meaning below it. A missing sum is named in quote currency. */
import { html } from "./lib.js";
import { isActive } from "./coin_facts.js";
import { Result, ResultPercent } from "./figures.js";
import { rich, t } from "./i18n.js";
import { exact, number, percent } from "./numbers.js";

const Cell = ({ name, unit, children, below, value }) => html`<div class="kpi"><dt>${name}${unit && html` <span class="faint">${unit}</span>`}</dt><dd title=${exact(value)}>${children}</dd><dd class="below">${below}</dd></div>`;

export function Strip({ money, coins }) {
  const open = coins.filter(isActive).length;
  const on = coins.filter((coin) => coin.switch !== "off" || isActive(coin)).length;
  const need = Number(money.ladders_need);
  const missing = Number(money.ladders_missing);
  const covered = need > 0 ? Math.min(100, (Math.max(0, need - missing) / need) * 100) : 100;
  const share = Number(money.in_positions) > 0 && money.unrealised !== null ? (Number(money.unrealised) / Number(money.in_positions)) * 100 : null;
  return html`<dl class="strip">
    <${Cell} name=${t("strip.equity")} unit=${money.quote} value=${money.equity} below=${html`${t("strip.realised_all")} <${Result} value=${money.realised_all} />`}>${number(money.equity)}<//>
    <${Cell} name=${t("strip.free")} unit=${money.quote} value=${money.free} below=${Number(money.reserved) ? t("strip.reserved", { amount: number(money.reserved) }) : t("strip.nothing_reserved")}>${number(money.free)}<//>
    <${Cell} name=${t("strip.in_positions")} value=${money.in_positions} below=${html`${t("strip.unrealised")} <${Result} value=${money.unrealised} />${share !== null && html` · <${ResultPercent} value=${share} />`}`}>${number(money.in_positions)}<//>
    <${Cell} name=${t("strip.today")} value=${money.today} below=${t("strip.open_cycles", { count: open })}><${Result} value=${money.today} /><//>
    <div class="kpi span"><dt class="sr">${t("strip.need")}</dt><dd class="need">
      <span class="lab">${rich("strip.ladders", { count: on, amount: number(money.ladders_need) })}</span>
      <svg height="12" role="img" aria-label=${t("strip.covered_label", { percent: percent(covered, 0) })}>
        <rect width="100%" height="12" rx="3" fill="none" stroke=${missing > 0 ? "var(--warn)" : "var(--line-strong)"} stroke-dasharray="3 3" />
        <rect width=${`${covered.toFixed(1)}%`} height="12" rx="3" fill="var(--muted)" />
      </svg>
      <span class="xs muted">${need > 0 ? rich("strip.covered", { percent: percent(covered, 0) }) : t("strip.nothing_needed")}${missing > 0 && html` · ${t("strip.missing")} <b class="warn">${number(money.ladders_missing)} ${money.quote}</b>`}</span>
    </dd></div>
  </dl>`;
}
