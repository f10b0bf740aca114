/** Before a coin turns on: what it will spend, how deep it reaches, what all coins together then lack. */
import { html, useState } from "./lib.js";
import { setSwitch } from "./actions.js";
import { isActive, shownPrice } from "./coin_facts.js";
import { Dialog } from "./dialog.js";
import { useAnswer, useTicks } from "./hooks.js";
import { t } from "./i18n.js";
import { Icon } from "./icons.js";
import { number, percent, signed, signedPercent } from "./numbers.js";
import { OrderButton } from "./order_button.js";
import { Past } from "./past.js";
import { StepBars, StepTable } from "./step_bars.js";
import { priceAge, state } from "./store.js";
import { age } from "./times.js";
import { modeOf } from "./top_bar.js";

const OLD_MS = 5000;

export function TurnOnDialog({ currency, onClose }) {
  useTicks(500);
  const coin = state.coins.get(currency);
  const { answer, failure } = useAnswer("/api/before_switch", { base_currency: currency }, { everyMs: 1000 });
  const { answer: quick } = useAnswer("/api/trade/quick/preview", { base_currency: currency }, { everyMs: 2000 });
  const [phase, setPhase] = useState("idle");
  const mode = modeOf(state.head);
  const quote = state.head.money.quote;
  const ms = priceAge(currency);
  const old = ms === null || ms > OLD_MS;
  const wrong = answer?.error;
  const turnOn = async () => {
    setPhase("sending");
    if (await setSwitch(currency, "on")) onClose();
    else setPhase("idle");
  };
  const active = isActive(coin);
  const waits = state.head.global_switch !== "on";
  return html`<${Dialog} title=${t("on.title", { currency })} onClose=${onClose}
    badge=${html`<span class=${`st fill mode-badge ${mode}`}>${t(`banner.${mode}`)}, ${t(`banner.${mode}.means`)}</span>`}
    side=${t("on.price", { price: number(shownPrice(coin), coin.price_precision), age: age(ms) })}
    foot=${html`<p>${old ? t("on.too_old") : active ? t("on.goes_on", { currency }) : waits ? t("on.waits_global", { currency, mode: t(`mode.${state.head.global_switch}`) }) : t("on.buys", { amount: number(answer?.first_order), quote, currency })}</p>
      <button type="button" class="btn" data-safe onClick=${onClose}>${t("cancel")}</button>
      <${OrderButton} phase=${phase} label=${t("on.do", { currency })} spends disabled=${old || !answer || Boolean(wrong)} why=${wrong ? wrong.message : t("on.too_old")} onPress=${turnOn} />`}>
    ${failure && html`<p class="msg danger"><${Icon} name="look" />${failure.message}</p>`}
    ${wrong && html`<p class="msg warn"><${Icon} name="look" /><span><b>${t("on.cannot")}</b> ${t(`param.${wrong.field}`)}: ${wrong.message}</span></p>`}
    ${!answer && !failure && html`<div class="skel"></div>`}
    ${answer?.rows.length > 0 && html`<${Ladder} answer=${answer} coin=${coin} quote=${quote} slippage=${isActive(coin) ? null : quick?.slippage_pct ?? null} />`}
    <${Past} currency=${currency} quote=${quote} />
  <//>`;
}

function Ladder({ answer, coin, quote, slippage }) {
  const { rows } = answer;
  const last = rows.at(-1);
  const share = Number(answer.ladder_cost) ? (Number(answer.loss_there) / Number(answer.ladder_cost)) * 100 : null;
  const missing = Number(answer.missing) > 0;
  const covered = Number(answer.coverage_pct_after ?? 100);
  const free = (Number(answer.free) - Number(answer.first_order)).toFixed(8);
  return html`
    <div class="tiles">
      <div><span class="lab">${t("on.first")}</span><div class="v">${number(answer.first_order)} ${quote}</div><p>${t("on.first_coins", { amount: number(rows[0].gross, coin.amount_precision), currency: coin.currency })}</p></div>
      <div><span class="lab">${t("on.ladder")}</span><div class="v">${number(answer.ladder_cost)} ${quote}</div><p>${t("on.orders", { count: rows.length })}</p></div>
      <div><span class="lab">${t("on.deepest")}</span><div class="v">${signedPercent((-Number(answer.deepest_fall_pct)).toFixed(6))}</div><p>${t("on.last_buy", { price: number(last.price, coin.price_precision) })}</p></div>
      <div><span class="lab">${t("on.loss")}</span><div class="v loss">${signed(answer.loss_there)} ${quote}</div><p>${t("on.of_ladder", { percent: signedPercent(share) })}</p></div>
    </div>
    <div class="desk"><${StepBars} rows=${rows} precision=${coin.price_precision} /></div>
    <div class="phone"><${StepTable} rows=${rows} precision=${coin.price_precision} /></div>
    <div class=${`note${missing ? " w" : ""}`}>
      ${missing
        ? html`<b>${t("on.missing", { amount: number(answer.missing), quote })}</b><br />${t("on.missing_means", { need: number(answer.all_need), free: number(answer.free), before: percent(answer.coverage_pct_before ?? "100", 0), after: percent(answer.coverage_pct_after ?? "100", 0) })}`
        : t("on.covered", { need: number(answer.all_need), free: number(answer.free), quote })}
      <svg width="100%" height="12" class="cover" role="img" aria-label=${t("strip.covered_label", { percent: percent(String(covered), 0) })}>
        <rect x=".5" y=".5" width="99.8%" height="11" rx="3" fill="none" stroke=${missing ? "var(--warn)" : "var(--line-strong)"} stroke-dasharray="3 3" />
        <rect width=${`${covered.toFixed(1)}%`} height="12" rx="3" fill="var(--muted)" />
      </svg>
    </div>
    <ul class="checks">
      <${Check} good=${coin.market_status === "tradable"}>${t("check.status", { symbol: coin.symbol, status: coin.market_status })}<//>
      <${Check} good=${!answer.error}>${t("check.minimums")}<//>
      <${Check} good>${t("check.fee", { fee: percent(coin.fee_pct, 2) })}<//>
      <${Check} good=${Number(free) >= 0}>${t("check.free_after", { amount: number(free), quote })}<//>
      <${Check} good=${Number(coin.spread_pct ?? 0) < 1}>${t("check.spread", { percent: percent(coin.spread_pct) })}<//>
      ${slippage !== null && html`<${Check} good=${Number(slippage) < 0.3}>${t("check.slippage", { percent: percent(slippage, 3) })}<//>`}
      <${Check} good=${!Number(coin.outside)}>${Number(coin.outside) ? t("check.outside", { amount: number(coin.outside, coin.amount_precision), currency: coin.currency }) : t("check.no_outside")}<//>
    </ul>`;
}

const Check = ({ good, children }) => html`<li class=${good ? "" : "warn"}><span class=${good ? "gain" : "warn"}><${Icon} name=${good ? "done" : "look"} /></span>${children}</li>`;
