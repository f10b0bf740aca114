/** Size and price of every step of a ladder: bars on a wide screen, a table on a phone. */
import { html } from "./lib.js";
import { t } from "./i18n.js";
import { number, signedPercent } from "./numbers.js";

const WIDTH = 700, FLOOR = 150, TALLEST = 128;
const fell = (row, decimals = 1) => signedPercent((-Number(row.drop_total_pct)).toFixed(6), decimals);

export function StepBars({ rows, precision }) {
  const most = Math.max(...rows.map((row) => Number(row.quote)));
  const room = WIDTH / rows.length;
  const words = rows.length <= 10;
  return html`<svg viewBox=${`0 0 ${WIDTH} 194`} width="100%" role="img" aria-label=${t("on.bars")}>${rows.map((row, at) => {
    const tall = Math.max(2, (Number(row.quote) / most) * TALLEST);
    const middle = at * room + room / 2;
    return html`<g key=${at}>
      <rect x=${at * room + room * 0.1} y=${FLOOR - tall} width=${room * 0.8} height=${tall} rx="2" fill="var(--lv-step)" fill-opacity=${at ? 0.45 : 0.9} />
      ${words && html`<text x=${middle} y=${FLOOR - tall - 6} font-size="12.5" fill="var(--text)" text-anchor="middle">${number(row.quote)}</text>
        <text x=${middle} y="167" font-size="12.5" fill="var(--muted)" text-anchor="middle">${number(row.price, precision)}</text>
        <text x=${middle} y="184" font-size="12" fill="var(--faint)" text-anchor="middle">${at ? fell(row) : t("step.start")}</text>`}
    </g>`;
  })}</svg>`;
}

export const StepTable = ({ rows, precision }) => html`<table class="t tight">
  <thead><tr><th>${t("table.step")}</th><th class="r">${t("table.price")}</th><th class="r">${t("table.from_start")}</th><th class="r">${t("table.buy")}</th><th class="r">${t("table.invested")}</th></tr></thead>
  <tbody>${rows.map((row, at) => html`<tr key=${at}><td>${at ? row.step : t("step.start")}</td><td class="r">${number(row.price, precision)}</td><td class="r">${at ? fell(row) : "–"}</td><td class="r">${number(row.quote)}</td><td class="r">${number(row.invested)}</td></tr>`)}</tbody>
</table>`;
