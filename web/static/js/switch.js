/** A switch: position, shape and word say the same. It shows what the engine has, never what was wished. */
import { html } from "./lib.js";
import { t } from "./i18n.js";

export const Switch = ({ checked, label, onPress, busy = false }) => html`
  <button type="button" class="sw" role="switch" aria-checked=${checked} aria-label=${label} title=${t(`switch.${checked}`)}
    disabled=${busy} onClick=${(event) => { event.stopPropagation(); onPress(); }}><i></i></button>`;
