/** Mode, places, language, looks. The mode is said by word, frame, title and icon, and never scrolls away. */
import { html, useEffect } from "./lib.js";
import { t } from "./i18n.js";
import { Icon } from "./icons.js";
import { Looks } from "./looks.js";
import { state } from "./store.js";

const MODES = { paper: "paper", sandbox: "testnet", live: "live" };
export const modeOf = (head) => (head ? MODES[head.mode] ?? "live" : document.documentElement.dataset.mode);

function Link({ place, name, children }) {
  const here = place.name === name || (name === "coins" && place.name === "coin") || (name === "orders" && ["decisions", "record"].includes(place.name));
  return html`<a href=${`#/${name}`} aria-current=${here ? "page" : null}>${t(`nav.${name}`)}${children}</a>`;
}

export function TopBar({ place }) {
  const mode = modeOf(state.head);
  const unknown = state.head?.truth?.unknown_orders?.length ?? 0;
  useEffect(() => {
    document.documentElement.dataset.mode = mode;
    const where = place.name === "coin" ? place.currency : t(`nav.${place.name}`);
    document.title = `${t(`banner.${mode}`)} · ${where} · mTrade`;
    document.querySelector("link[rel=icon]").href = `/static/icon-${mode}.svg`;
  });
  return html`<header class="top">
    <div class="mode"><span>${t(`banner.${mode}`)}</span><small>${t(`banner.${mode}.means`)}</small></div>
    <div class="brand">mTrade</div>
    <nav class="nav" aria-label=${t("nav.label")}>
      <${Link} place=${place} name="coins" />
      <${Link} place=${place} name="dashboard" />
      <${Link} place=${place} name="trades" />
      <${Link} place=${place} name="orders">${unknown > 0 && html`<span class="count" title=${t("truth.unknown")}>${unknown}</span>`}<//>
      <${Link} place=${place} name="lab" />
      <${Link} place=${place} name="symbols" />
      <${Link} place=${place} name="settings" />
      <${Link} place=${place} name="system" />
    </nav>
    <div class="acct">
      <button type="button" class="btn s ghost" title=${t("jump.button")} aria-label=${t("jump.button")} onClick=${() => dispatchEvent(new Event("mtrade-jump"))}><${Icon} name="find" /></button>
      <span class="opt">${state.head?.account || ""}${state.head?.host ? ` · ${state.head.host}` : ""}</span>
      <${Looks} />
    </div>
  </header>`;
}
