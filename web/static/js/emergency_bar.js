/** Always in reach, above every dialog: stop all buys with one click, let them go on, sell all. Each says what it does. */
import { html } from "./lib.js";
import { isReady } from "./coin_facts.js";
import { rich, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { number, signed } from "./numbers.js";
import { positionsNow } from "./sell_all_dialog.js";
import { state } from "./store.js";

export function EmergencyBar({ actions }) {
  if (!isReady(state.head)) return null;
  const { global_switch: mode } = state.head;
  const stopped = mode === "sell_only" || mode === "off";
  const { count, worth, result, quote } = positionsNow();
  const values = { count, worth: number(worth), quote, unrealised: signed(result), result: signed(result) };
  const selling = state.head.selling && !state.head.selling.ended_ms;
  return html`<footer class="emer">
    <p class="sum phone">${t("emer.sum", values)}</p>
    <button type="button" class="btn stop" disabled=${stopped} onClick=${actions.stopBuys}><${Icon} name="stop" />${t("emer.stop")}</button>
    <p>${stopped ? rich("emer.stopped", { mode: t(`mode.${mode}`) }) : rich("emer.stop_means")}</p>
    <button type="button" class="btn" disabled=${mode === "on"} onClick=${actions.resumeBuys}>${t("emer.resume")}</button>
    <p>${mode === "on" ? t("emer.nothing") : t("emer.resume_means")}</p>
    <button type="button" class="btn risk" disabled=${!count && !selling} onClick=${actions.sellAll}>${t(selling ? "emer.selling" : "emer.sell")}</button>
    <p>${selling ? t("emer.selling_means") : count ? rich("emer.sell_means", values) : t("emer.sell_nothing")}</p>
  </footer>`;
}
