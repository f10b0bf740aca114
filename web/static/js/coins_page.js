/** Home: the strip, the filter bar, one row per coin. Rows never move under the pointer or while focus is inside. */
import { html, useEffect, useMemo, useRef, useState } from "./lib.js";
import { isActive, isDark, isReady } from "./coin_facts.js";
import { CoinRow, isStale } from "./coin_row.js";
import { FirstSteps } from "./first_steps.js";
import { GlobalSwitch } from "./global_switch.js";
import { Halts } from "./halts.js";
import { useTicks } from "./hooks.js";
import { lang, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { inSight } from "./live.js";
import { number } from "./numbers.js";
import { lookOf, loudness } from "./reasons.js";
import { useRowWindow } from "./row_window.js";
import { SafeState } from "./safe_state.js";
import { state } from "./store.js";
import { Strip } from "./strip.js";

const FILTERS = {
  all: () => true,
  attention: (coin) => coin.loud < 2,
  cycle: ({ coin }) => isActive(coin),
  idle: ({ coin }) => !isActive(coin) && !isDark(coin),
  off: ({ coin }) => isDark(coin),
};
const SORTS = {
  attention: (one, two) => one.loud - two.loud || one.at - two.at,
  name: (one, two) => one.coin.currency.localeCompare(two.coin.currency),
  unrealised: (one, two) => Number(one.coin.unrealised ?? 0) - Number(two.coin.unrealised ?? 0),
  sell: (one, two) => Number(one.coin.distance_sell_pct ?? Infinity) - Number(two.coin.distance_sell_pct ?? Infinity),
};

export function CoinsPage({ actions }) {
  useTicks(1000);
  const [search, setSearch] = useState("");
  const [filter, setFilter] = useState("all");
  const [sort, setSort] = useState("attention");
  const body = useRef(null);
  const order = useRef([]);
  const field = useRef(null);
  useShortcut("/", () => field.current?.focus());

  const globalSwitch = state.head.global_switch;
  const rows = [...state.coins.values()].map((coin, at) => {
    const { tone } = lookOf(coin, globalSwitch);
    return { coin, at, tone, loud: loudness(tone) };
  });
  const sorted = useMemo(() => keepStill(order, rows, SORTS[sort], body.current, sort), [rows, sort]);
  const wanted = search.trim().toUpperCase();
  const shown = sorted.filter((row) => FILTERS[filter](row) && (!wanted || row.coin.currency.includes(wanted) || row.coin.name.toUpperCase().includes(wanted)));
  const part = useRowWindow(body, shown.length);
  const drawn = shown.slice(part.from, part.to);
  useEffect(() => inSight(drawn.map(({ coin }) => coin.currency)));
  useEffect(() => () => inSight(null), []);
  if (!isReady(state.head)) return html`<${Halts} actions=${actions} />${state.coins.size ? html`<${SafeState} />` : html`<${Skeleton} />`}`;
  return html`
    <h1 class="sr">${t("nav.coins")}</h1>
    <${Strip} money=${state.head.money} coins=${[...state.coins.values()]} />
    <${FirstSteps} />
    <${Halts} actions=${actions} />
    <div class="bar">
      <div class="search"><${Icon} name="find" /><input type="search" ref=${field} value=${search} placeholder=${t("coins.find")} aria-label=${t("coins.find")} onInput=${(event) => setSearch(event.target.value)} /><kbd>/</kbd></div>
      <select aria-label=${t("coins.sort")} value=${sort} onChange=${(event) => setSort(event.target.value)}>
        ${Object.keys(SORTS).map((name) => html`<option value=${name}>${t(`sort.${name}`)}</option>`)}
      </select>
      <div class="chips">${Object.keys(FILTERS).map((name) => {
        const count = rows.filter(FILTERS[name]).length;
        return html`<button type="button" key=${name} class=${`chip${name === "attention" && count ? " hot" : ""}`} aria-pressed=${String(filter === name)} onClick=${() => setFilter(name)}>${t(`filter.${name}`)}<span>${count}</span></button>`;
      })}</div>
      <${GlobalSwitch} actions=${actions} />
    </div>
    <div class="box coins-box">
      <table class="coins" aria-rowcount=${shown.length + 1}>
        <thead><tr>
          <th><span class="sr">${t("col.switch")}</span></th><th>${t("col.coin")}</th><th class="r">${t("col.price")}</th><th>${t("col.why")}</th>
          <th class="r">${t("col.breakeven")}</th><th>${t("col.track")}</th><th>${t("col.steps")}</th><th class="r">${t("col.unrealised")}</th><th class="r">${t("col.done")}</th>
        </tr></thead>
        <tbody ref=${body}>${part.before > 0 && html`<${Space} key="before" px=${part.before} />`}${drawn.map(({ coin, tone }, at) => html`
          <${CoinRow} key=${coin.currency} at=${part.from + at + 2} coin=${coin} tone=${tone} globalSwitch=${globalSwitch} language=${lang()} stale=${isStale(coin)} onSwitch=${actions.pressSwitch} onOffer=${actions.offer} />`)}${part.after > 0 && html`<${Space} key="after" px=${part.after} />`}
        </tbody>
      </table>
      ${shown.length === 0 && html`<div class="empty"><h3>${t(rows.length ? "coins.none_match" : "coins.none")}</h3><p>${t(rows.length ? "coins.none_match_hint" : "coins.none_hint")}</p></div>`}
      <${Legend} fee=${rows[0]?.coin.fee_pct} />
    </div>`;
}

/** Sort, unless a hand is on the table and it holds the same coins as before. */
function keepStill(order, rows, compare, body, sort) {
  const names = rows.map((row) => row.coin.currency);
  const known = new Set(order.current);
  const same = known.size === names.length && order.current.sort === sort && names.every((name) => known.has(name));
  const held = same && body && (body.matches(":hover") || body.contains(document.activeElement));
  if (!held) {
    order.current = [...rows].sort(compare).map((row) => row.coin.currency);
    order.current.sort = sort;
  }
  const byName = new Map(rows.map((row) => [row.coin.currency, row]));
  return Array.from(order.current, (name) => byName.get(name));
}

function useShortcut(key, act) {
  useEffect(() => {
    const press = (event) => {
      if (event.key !== key || event.target.closest("input, select, textarea, [role=dialog]")) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

const Space = ({ px }) => html`<tr class="space" aria-hidden="true"><td colspan="9" style=${{ height: `${px}px` }}></td></tr>`;

const Mark = ({ children, word }) => html`<span class="legend"><svg viewBox="0 0 18 10" aria-hidden="true">${children}</svg>${word}</span>`;

const Legend = ({ fee }) => html`<div class="foot">
  <${Mark} word=${t("level.next_buy")}><line x1="9" x2="9" y1="0" y2="10" stroke="var(--lv-step)" stroke-width="2.5" stroke-dasharray="3 2" /><//>
  <${Mark} word=${t("level.breakeven")}><line x1="9" x2="9" y1="0" y2="10" stroke="var(--lv-be)" stroke-width="2" /><//>
  <${Mark} word=${t("level.take_profit")}><line x1="9" x2="9" y1="0" y2="10" stroke="var(--lv-tp)" stroke-width="3" /><//>
  <${Mark} word=${t("level.price")}><circle cx="9" cy="5" r="4.2" fill="var(--text)" /><//>
  <span>${t("coins.legend", { fee: number(fee, 1) })}</span>
</div>`;

const Skeleton = () => html`<div class="box card stack"><p class="muted">${t("starting.text")}</p>${[70, 55, 80, 45].map((width) => html`<div key=${width} class="skel" style=${{ width: `${width}%` }}></div>`)}</div>`;
