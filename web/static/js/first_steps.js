/** The first run: pick coins, see the ladder, trade on paper. Gone when dismissed, and from the second start on. */
import { html, useState } from "./lib.js";
import { isActive } from "./coin_facts.js";
import { rich, t } from "./i18n.js";
import { keep, kept } from "./kept.js";
import { number } from "./numbers.js";
import { state } from "./store.js";
import { modeOf } from "./top_bar.js";

const KEPT = "first_steps";

export function FirstSteps() {
  const [gone, setGone] = useState(kept(KEPT) === "done");
  const { head } = state;
  const coins = [...state.coins.values()];
  if (gone || head.settings_source !== "first start" || !coins.length) return null;
  const paper = modeOf(head) === "paper";
  const on = coins.filter((coin) => coin.switch === "on").length;
  const bought = coins.filter((coin) => isActive(coin) || coin.completed_cycles).length;
  const sample = coins[0];
  const values = { count: coins.length, on, bought, currency: sample.currency, cost: number(sample.ladder_cost), steps: sample.steps_total, quote: head.money.quote };
  const dismiss = () => {
    keep(KEPT, "done");
    setGone(true);
  };
  return html`<section class="box card first" aria-labelledby="first-title"><header><h2 id="first-title">${t("first.title")}</h2><p>${t(paper ? "first.paper" : "first.real")}</p>
      <button type="button" class="btn s push" onClick=${dismiss}>${t("first.dismiss")}</button></header>
    <ol>
      <li><p>${rich("first.pick", values)}</p><a class="btn s" href="#/symbols">${t("first.pick_do")}</a></li>
      <li><p>${rich("first.ladder", values)}</p><a class="btn s" href=${`#/coin/${sample.currency}/ladder`}>${t("first.ladder_do")}</a></li>
      <li><p>${rich(paper ? "first.trade_paper" : "first.trade_real", values)}</p>${bought > 0 && html`<a class="btn s" href="#/trades">${t("first.trade_do")}</a>`}</li>
    </ol></section>`;
}
