/** Always in reach, above every dialog: stop all buys with one click, let them go on. Each says what it does. */
import { html } from "./lib.js";
import { isActive, isReady } from "./coin_facts.js";
import { rich, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { number, signed } from "./numbers.js";
import { state } from "./store.js";

export function EmergencyBar({ actions }) {
  if (!isReady(state.head)) return null;
  const { global_switch: mode, money } = state.head;
  const stopped = mode === "sell_only" || mode === "off";
  const open = [...state.coins.values()].filter(isActive).length;
  const worth = (Number(money.in_positions) + Number(money.unrealised ?? 0)).toFixed(2);
  return html`<footer class="emer">
    <p class="sum phone">${t("emer.sum", { count: open, worth: number(worth), quote: money.quote, unrealised: signed(money.unrealised) })}</p>
    <button type="button" class="btn stop" disabled=${stopped} onClick=${actions.stopBuys}><${Icon} name="stop" />${t("emer.stop")}</button>
    <p>${stopped ? rich("emer.stopped", { mode: t(`mode.${mode}`) }) : rich("emer.stop_means")}</p>
    <button type="button" class="btn" disabled=${mode === "on"} onClick=${actions.resumeBuys}>${t("emer.resume")}</button>
    <p>${mode === "on" ? t("emer.nothing") : t("emer.resume_means")}</p>
  </footer>`;
}
