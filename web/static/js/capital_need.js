/** Whether the money covers every ladder: free, reserved, needed, missing by name; each coin's bar on one scale. */
import { html } from "./lib.js";
import { t } from "./i18n.js";
import { number, percent } from "./numbers.js";

const share = (part, whole) => `${(whole > 0 ? (part / whole) * 100 : 0).toFixed(1)}%`;

export function CapitalNeed({ told }) {
  const { money } = told;
  const need = Number(money.ladders_need);
  const missing = Number(money.ladders_missing);
  const covered = need > 0 ? Math.min(100, (Math.max(0, need - missing) / need) * 100) : 100;
  const coins = told.coins.filter((coin) => Number(coin.ahead) || Number(coin.invested)).sort((one, two) => Number(two.ahead ?? 0) - Number(one.ahead ?? 0));
  const longest = Math.max(0, ...coins.map((coin) => Number(coin.invested ?? 0) + Number(coin.ahead ?? 0)));
  return html`<section class="box card" id="need"><header><h2>${t("dash.need")}</h2></header>
    <dl class="kv"><dt>${t("strip.free")}</dt><dd>${number(money.free)}</dd><dt>${t("dash.reserved")}</dt><dd>${number(money.reserved)}</dd><dt class="sum">${t("dash.ladders_need")}</dt><dd class="sum">${number(money.ladders_need)}</dd>
      ${missing > 0 && html`<dt><b class="warn">${t("dash.missing")}</b></dt><dd><b class="warn">${number(money.ladders_missing)} ${money.quote}</b></dd>`}</dl>
    <svg width="100%" height="14" role="img" aria-label=${t("strip.covered_label", { percent: percent(covered, 0) })}><rect width="100%" height="14" rx="3" fill="none" stroke=${missing > 0 ? "var(--warn)" : "var(--line-strong)"} stroke-dasharray="3 3" /><rect width=${`${covered.toFixed(1)}%`} height="14" rx="3" fill="var(--muted)" /></svg>
    <p class="note">${need > 0 ? t(missing > 0 ? "dash.covered_part" : "dash.covered_all", { percent: percent(covered, 0) }) : t("strip.nothing_needed")}</p>
    ${coins.length > 0 && html`<table class="t tight"><thead><tr><th>${t("col.coin")}</th><th class="half">${t("dash.bar_head")}</th><th class="r">${t("dash.ahead")}</th><th class="r">${t("dash.next_buy")}</th></tr></thead>
      <tbody>${coins.map((coin) => {
        const [invested, ahead] = [Number(coin.invested ?? 0), Number(coin.ahead ?? 0)];
        return html`<tr key=${coin.symbol}><td><a href=${`#/coin/${coin.currency}`}>${coin.currency}</a></td><td><svg width="100%" height="10" role="img" aria-label=${t("dash.bar_label", { invested: number(coin.invested ?? "0"), ahead: number(coin.ahead ?? "0") })}><rect width=${share(invested, longest)} height="10" rx="2" fill="var(--muted)" />${ahead > 0 && html`<rect x=${share(invested, longest)} y=".5" width=${share(ahead, longest)} height="9" rx="2" fill="none" stroke="var(--muted)" stroke-dasharray="3 2" />`}</svg></td><td class="r">${number(coin.ahead ?? "0")}</td><td class="r muted">${number(coin.next_buy)}</td></tr>`;
      })}<tr class="tot"><td>${t("dash.total")}</td><td></td><td class="r">${number(money.ladders_need)}</td><td class="r">${number(told.next_buys)}</td></tr></tbody></table>`}
  </section>`;
}
