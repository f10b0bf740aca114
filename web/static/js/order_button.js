/** A button that sends something: names it, then says sending, accepted, and what became of it. Never optimistic. */
import { html } from "./lib.js";
import { t } from "./i18n.js";
import { Icon } from "./icons.js";
import { modeOf } from "./top_bar.js";
import { state } from "./store.js";

const Spinner = () => html`<i class="spin" aria-hidden="true"></i>`;

/** `phase` of useCommand; `accepted`: the engine shows the order as sent. `spends`: magenta in LIVE. */
export function OrderButton({ phase, accepted = false, label, onPress, disabled = false, why = "", spends = false, kind = "prime", safe = false, wide = false }) {
  const width = wide ? " wide" : "";
  if (phase === "sending") return html`<button type="button" class=${`btn${width}`} disabled aria-live="polite"><${Spinner} />${t(accepted ? "order.accepted" : "order.sending")}</button>`;
  const look = spends && modeOf(state.head) === "live" ? "live" : kind;
  return html`<button type="button" class=${`btn ${look}${width}`} disabled=${disabled} title=${disabled ? why : ""} data-safe=${safe ? "" : null} onClick=${onPress}>${label}</button>`;
}

/** What became of a Quick Trade, in its own words; an unknown outcome is never shown as success or failure. */
export function Outcome({ outcome, text }) {
  const [glyph, tone] = { filled: ["done", "gain"], unknown: ["unknown", "danger fill"] }[outcome] ?? ["look", "warn"];
  return html`<p class="outcome" role="status"><span class=${`st ${tone}`}><${Icon} name=${glyph} />${t(`outcome.${outcome}`)}</span> <span class="muted">${text}</span></p>`;
}
