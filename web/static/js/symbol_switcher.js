/** Jump to a coin from anywhere with `/` (on the first screen that is its own search): type, arrows, Enter. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "./lib.js";
import { Dialog } from "./dialog.js";
import { t } from "./i18n.js";
import { number } from "./numbers.js";
import { shownPrice } from "./coin_facts.js";
import { go } from "./places.js";
import { state } from "./store.js";

const SHOWN = 12;
const TABLES = new Set(["trades", "orders", "decisions", "record"]);

/** Those that begin with what was typed first, then those that contain it; by name. */
export function found(coins, typed) {
  const wanted = typed.trim().toUpperCase();
  const rank = (coin) => (coin.currency.startsWith(wanted) ? 0 : 1);
  return coins.filter((coin) => coin.currency.includes(wanted) || coin.name.toUpperCase().includes(wanted)).sort((one, two) => rank(one) - rank(two) || one.currency.localeCompare(two.currency)).slice(0, SHOWN);
}

/** The coin's own page; a table shows that coin's rows instead. */
function jump(place, currency) {
  if (TABLES.has(place.name)) go(place.name, { ...place.query, symbol: currency });
  else location.hash = `#/coin/${currency}${place.name === "coin" && place.part ? `/${place.part}` : ""}`;
}

export function SymbolSwitcher({ place }) {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const press = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || place.name === "coins" || event.target.closest("input, select, textarea, [role=dialog]")) return;
      event.preventDefault();
      setOpen(true);
    };
    const ask = () => setOpen(true);
    addEventListener("keydown", press);
    addEventListener("mtrade-jump", ask);
    return () => { removeEventListener("keydown", press); removeEventListener("mtrade-jump", ask); };
  }, [place.name]);
  return open && html`<${Chooser} place=${place} onClose=${() => setOpen(false)} />`;
}

function Chooser({ place, onClose }) {
  const [typed, setTyped] = useState("");
  // Not only state: keys may come faster than the page is drawn.
  const chosen = useRef(0);
  const [at, draw] = useState(0);
  const setAt = (next) => { chosen.current = next; draw(next); };
  const field = useRef(null);
  useLayoutEffect(() => field.current.focus(), []);
  const list = found([...state.coins.values()], typed);
  const take = (coin) => { onClose(); jump(place, coin.currency); };
  const press = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); setAt((chosen.current + (event.key === "ArrowDown" ? 1 : -1) + list.length) % Math.max(1, list.length)); }
    if (event.key === "Enter" && list[chosen.current]) { event.preventDefault(); take(list[chosen.current]); }
  };
  return html`<${Dialog} title=${t("jump.title")} narrow onClose=${onClose} foot=${html`<p>${t("jump.keys")}</p><button type="button" class="btn" onClick=${onClose}>${t("close")}</button>`}>
    <input type="search" ref=${field} class="wide" value=${typed} placeholder=${t("coins.find")} aria-label=${t("coins.find")} role="combobox" aria-expanded="true" aria-controls="jump-list" aria-activedescendant=${list[at] ? `jump-${list[at].currency}` : null} onInput=${(event) => { setTyped(event.target.value); setAt(0); }} onKeyDown=${press} />
    <ul class="jumps" id="jump-list" role="listbox" aria-label=${t("nav.coins")}>${list.map((coin, index) => html`<li key=${coin.currency} id=${`jump-${coin.currency}`} role="option" aria-selected=${String(index === at)} onMouseDown=${(event) => { event.preventDefault(); take(coin); }}><b>${coin.currency}</b> <bdi class="muted">${coin.name === coin.currency ? "" : coin.name}</bdi><span class="push">${number(shownPrice(coin), coin.price_precision)}</span></li>`)}</ul>
    ${!list.length && html`<p class="muted">${t("coins.none_match")}</p>`}
  <//>`;
}
