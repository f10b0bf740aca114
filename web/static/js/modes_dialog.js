/** Switching off a coin with an open cycle, or all coins: which of the modes is meant, and what then nobody will sell. */
import { html, useState } from "./lib.js";
import { give, setSwitch } from "./actions.js";
import { isActive } from "./coin_facts.js";
import { Dialog } from "./dialog.js";
import { rich, t } from "./i18n.js";
import { number } from "./numbers.js";
import { state } from "./store.js";

export function ModesDialog({ currency, onClose, actions }) {
  const coin = state.coins.get(currency);
  const held = { currency, held: number(coin.held, coin.amount_precision), invested: number(coin.invested), take_profit: number(coin.take_profit, coin.price_precision), quote: state.head.money.quote };
  const now = coin.paused ? "paused" : coin.switch;
  const modes = isActive(coin) ? ["on", "finish", "sell_only", "off"] : ["on", "off"];
  const choose = async (mode) => {
    if (mode === "on" && coin.switch === "off") {
      if (coin.paused && !(await give("/api/autotrader/resume_cycle", { base_currency: currency }))) return;
      actions.ask({ name: "turn_on", coin: currency });
      return;
    }
    if (coin.paused && mode === "on" && !(await give("/api/autotrader/resume_cycle", { base_currency: currency }))) return;
    if (coin.switch === mode || await setSwitch(currency, mode)) onClose();
  };
  return html`<${Modes} title=${t(isActive(coin) ? "modes.title_active" : "modes.title", { currency })} say=${isActive(coin) ? rich("modes.holds", held) : null}
    modes=${modes} now=${now} means=${(mode) => rich(`modes.${mode === "on" && coin.paused ? "resume" : mode}${isActive(coin) ? "" : "_idle"}`, held)}
    word=${(mode) => t(mode === "on" && coin.paused ? "offer.resume" : `mode.${mode}`)} choose=${choose} onClose=${onClose} />`;
}

export function GlobalModesDialog({ onClose }) {
  const open = [...state.coins.values()].filter(isActive);
  const now = state.head.global_switch;
  const values = { count: open.length, worth: number(state.head.money.in_positions), quote: state.head.money.quote };
  const choose = async (mode) => { if (await setSwitch(null, mode)) onClose(); };
  return html`<${Modes} title=${t("modes.title_global")} say=${rich("modes.holds_global", values)} modes=${["on", "finish", "sell_only", "off"]} now=${now}
    means=${(mode) => rich(`modes.${mode}_global`, values)} word=${(mode) => t(`mode.${mode}`)} choose=${choose} onClose=${onClose} />`;
}

const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

function Modes({ title, say, modes, now, means, word, choose, onClose }) {
  const [sending, setSending] = useState(null);
  const press = async (mode) => {
    setSending(mode);
    await choose(mode);
    setSending(null);
  };
  return html`<${Dialog} title=${title} onClose=${onClose} narrow foot=${html`<p>${t("modes.foot")}</p><button type="button" class="btn" data-safe onClick=${onClose}>${t("cancel")}</button>`}>
    ${say && html`<p>${say}</p>`}
    <ul class="modes">${modes.map((mode) => html`<li key=${mode} class=${mode === now ? "here" : ""}>
      <button type="button" class=${`btn ${mode === "off" ? "risk" : ""}`} disabled=${mode === now || sending !== null} data-mode-choice=${mode} onClick=${() => press(mode)}>${sending === mode ? t("order.sending") : capital(word(mode))}</button>
      <p class="note">${mode === now && html`<b>${t("modes.now")}</b> `}${means(mode)}</p>
    </li>`)}</ul>
  <//>`;
}
