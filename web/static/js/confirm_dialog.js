/** Asks once more before something that cannot be taken back. Refuses while the price is too old to judge by. */
import { html } from "./lib.js";
import { Dialog } from "./dialog.js";
import { useCommand, useTicks } from "./hooks.js";
import { t } from "./i18n.js";
import { errorText } from "./messages.js";
import { number } from "./numbers.js";
import { OrderButton, Outcome } from "./order_button.js";
import { priceAge, state } from "./store.js";
import { age } from "./times.js";
import { shownPrice } from "./coin_facts.js";
import { modeOf } from "./top_bar.js";

const OLD_MS = 5000;

/**
 * `told(answer)` makes {outcome, text, details} of the engine's answer, `details` taking the place of what was shown
 * before; without it the dialog closes when the command is done. `body` may be a function, asked when it is pressed.
 */
export function ConfirmDialog({ coin, title, say, path, body, label, spends = false, risky = false, needsPrice = true, told = null, onClose, children }) {
  useTicks(500);
  const { phase, answer, error, run } = useCommand();
  const ms = priceAge(coin.currency);
  const old = needsPrice && (ms === null || ms > OLD_MS);
  const mode = modeOf(state.head);
  const fresh = state.coins.get(coin.currency) ?? coin;
  const press = async () => {
    const done = await run(path, typeof body === "function" ? body() : body);
    if (done && !told) onClose();
  };
  const outcome = answer && told ? told(answer) : phase === "unknown" ? { outcome: "unknown", text: t("error.no_connection") } : null;
  return html`<${Dialog} title=${title} narrow onClose=${onClose}
    badge=${html`<span class=${`st fill mode-badge ${mode}`}>${t(`banner.${mode}`)}</span>`}
    side=${needsPrice ? t("on.price", { price: number(shownPrice(fresh), fresh.price_precision), age: age(ms) }) : null}
    foot=${html`<p>${old && !outcome ? t("on.too_old") : say}</p>
      <button type="button" class="btn" data-safe onClick=${onClose}>${t(outcome ? "close" : "cancel")}</button>
      ${!outcome && html`<${OrderButton} phase=${phase} accepted=${Boolean(fresh.order)} label=${label} spends=${spends} kind=${risky ? "risk" : "prime"} disabled=${old} why=${t("on.too_old")} onPress=${press} />`}`}>
    ${outcome?.details ?? children}
    ${phase === "refused" && html`<p class="msg danger" role="alert">${errorText(error)}</p>`}
    ${outcome && html`<${Outcome} ...${outcome} />`}
  <//>`;
}
