/** The head of a coin's page: state with its reason, and the six figures that matter. */
import { html } from "./lib.js";
import { Badge, Pips, Switch } from "./signs.js";
import { isActive, shownPrice, switchLook } from "./coin_facts.js";
import { Price, PriceAge, Result } from "./figures.js";
import { useTicks } from "./hooks.js";
import { t } from "./i18n.js";
import { number, signedPercent } from "./numbers.js";
import { explain } from "./reasons.js";
import { now, state } from "./store.js";
import { Track } from "./track.js";
import { isStale } from "./coin_row.js";

const Figure = ({ name, children, below, look = "" }) => html`<div class="kpi"><dt>${name}</dt><dd class=${look}>${children}</dd><dd class="below">${below}</dd></div>`;

export function CoinHead({ coin, actions }) {
  useTicks(1000);
  const { glyph, word, tone, sentence, offer } = explain(coin, state.head.global_switch, now());
  const price = (text) => number(text, coin.price_precision);
  const active = isActive(coin);
  const quote = state.head.money.quote;
  const switchWord = coin.paused ? t("switch.paused") : t("switch.word", { mode: t(`mode.${coin.switch}`) });
  const next = coin.next_buy;
  return html`<section class="box chead">
    <div class="who">
      <h1>${coin.currency} <small>${coin.symbol} · <bdi>${coin.name}</bdi></small><${Switch} checked=${switchLook(coin)} label=${t("switch.of", { currency: coin.currency })} onPress=${() => actions.pressSwitch(coin)} /><small>${switchWord}</small></h1>
      <div class="rowx"><${Badge} glyph=${glyph} word=${word} tone=${tone} />${offer === "resume" && html`<button type="button" class="btn s" onClick=${() => actions.offer(offer, coin)}>${t("offer.resume")}</button>`}</div>
      <p class="note">${sentence}</p>
      ${active && html`<div class="head-track"><${Track} coin=${coin} stale=${isStale(coin)} /></div>`}
    </div>
    <dl class="figures">
      <div class="kpi"><dt>${t("col.price")} <${PriceAge} currency=${coin.currency} Tag="span" /></dt><dd class="px"><${Price} value=${shownPrice(coin)} precision=${coin.price_precision} /></dd><dd class="below">${t("head.spread", { percent: signedPercent(coin.spread_pct).replace("+", "") })}</dd></div>
      <${Figure} name=${t("head.if_sold")} below=${active ? t("head.after_fees", { percent: signedPercent(coin.unrealised_pct) }) : ""}><${Result} value=${coin.unrealised} /><//>
      <${Figure} name=${t("col.breakeven")} look=${active ? "be" : "faint"} below=${active ? t("head.average", { price: price(coin.average) }) : ""}>${price(coin.breakeven)}<//>
      <${Figure} name=${next ? t("head.buy_n", { step: next.step }) : t("head.next_buy")} look=${next ? "" : "faint"} below=${next ? `${signedPercent(coin.distance_buy_pct)} · ${number(next.quote)} ${quote}` : active ? t("track.no_buy") : coin.first_order ? t("track.first_buy", { amount: number(coin.first_order) }) : ""}>${next ? price(next.price) : "–"}<//>
      <${Figure} name=${t(coin.exit_at_breakeven ? "exit.head" : "col.take_profit")} look=${active ? "gain" : "faint"} below=${active ? signedPercent(coin.distance_sell_pct) : ""}>${price(coin.take_profit)}<//>
      <${Figure} name=${t("head.steps")} below=${t("head.invested_of", { invested: number(coin.invested), total: number(coin.budget ?? coin.ladder_cost) })}>${coin.steps_used} / ${coin.steps_total}<${Pips} coin=${coin} /><//>
      <${Figure} name=${t("head.realised")} below=${t("head.cycles", { count: coin.completed_cycles })}><${Result} value=${coin.realised} /><//>
    </dl>
  </section>`;
}
