/** One coin: a row of the table, a card on a phone; one markup. Drawn again only when something of it changed. */
import { Component, html } from "./lib.js";
import { Badge, Pips, Switch } from "./signs.js";
import { isActive, isDark, shownPrice, switchLook } from "./coin_facts.js";
import { Price, PriceAge, Result } from "./figures.js";
import { useTicks } from "./hooks.js";
import { t } from "./i18n.js";
import { number, signed, signedPercent } from "./numbers.js";
import { explain } from "./reasons.js";
import { now, priceAge } from "./store.js";
import { Track } from "./track.js";

const STALE_MS = 3000;

/** Sentences with ages in them are kept young. */
function Why({ coin, globalSwitch, onOffer }) {
  useTicks(1000);
  const { glyph, word, tone, sentence, offer } = explain(coin, globalSwitch, now());
  return html`<div>
    <${Badge} glyph=${glyph} word=${word} tone=${tone} />
    ${offer && html`<button type="button" class="btn s" onClick=${() => onOffer(offer, coin)}>${t(`offer.${offer}`)}</button>`}
    <p>${sentence}</p>
  </div>`;
}

export class CoinRow extends Component {
  shouldComponentUpdate(next) {
    const { coin, at, tone, globalSwitch, language, stale } = this.props;
    return coin !== next.coin || at !== next.at || tone !== next.tone || globalSwitch !== next.globalSwitch || language !== next.language || stale !== next.stale;
  }

  render({ coin, at, tone, globalSwitch, onSwitch, onOffer, stale }) {
    const active = isActive(coin);
    const classes = [isDark(coin) && "off", tone === "danger" && "crit", tone === "warn" && "hot"].filter(Boolean).join(" ");
    const cost = coin.budget ?? coin.ladder_cost;
    return html`<tr class=${classes} data-coin=${coin.currency} aria-rowindex=${at}>
      <td class="c-sw"><${Switch} checked=${switchLook(coin)} label=${t("switch.of", { currency: coin.currency })} onPress=${() => onSwitch(coin)} /></td>
      <td class="c-coin"><a class="sym" href=${`#/coin/${coin.currency}`}>${coin.currency}</a><small><bdi>${coin.name}</bdi></small></td>
      <td class="c-price r"><${Price} value=${shownPrice(coin)} precision=${coin.price_precision} /><${PriceAge} currency=${coin.currency} /></td>
      <td class="why"><${Why} coin=${coin} globalSwitch=${globalSwitch} onOffer=${onOffer} /></td>
      <td class="c-be r" data-l=${t("col.breakeven")}>${active
        ? html`${number(coin.breakeven, coin.price_precision)}<small>${t("col.avg")} ${number(coin.average, coin.price_precision)}</small>`
        : html`<span class="faint">–</span>`}</td>
      <td class=${`trk${active ? "" : " nil"}`}><${Track} coin=${coin} stale=${stale} /></td>
      <td class="c-steps" data-l=${t("col.invested")}><span class=${active ? "" : "faint"}>${coin.steps_used} / ${coin.steps_total}</span><${Pips} coin=${coin} /><small>${number(coin.invested)} / ${number(cost, coin.budget ? 0 : 2)}</small></td>
      <td class="c-pl r" data-l=${t("col.unrealised")}><${Result} value=${coin.unrealised} /><small>${active ? signedPercent(coin.unrealised_pct) : ""}</small></td>
      <td class="c-done r" data-l=${t("col.done")}><${Result} value=${coin.today} /><small>${signed(coin.realised)}</small></td>
    </tr>`;
  }
}

/** Whether the price is too old to be trusted, in coarse steps so that rows stay still. */
export const isStale = (coin) => (priceAge(coin.currency) ?? Infinity) > STALE_MS;
