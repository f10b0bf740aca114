/** The global switch: the stricter of it and a coin's own wins. */
import { html } from "./lib.js";
import { t } from "./i18n.js";
import { state } from "./store.js";
import { Switch } from "./signs.js";

export function GlobalSwitch({ actions }) {
  const mode = state.head.global_switch;
  const look = mode === "on" ? "true" : mode === "off" ? "false" : "mixed";
  return html`<span class="push global"><span class="xs muted">${t("global.label")}${mode !== "on" && html` · <b class="warn">${t(`mode.${mode}`)}</b>`}</span><${Switch} checked=${look} label=${t("global.label")} onPress=${() => actions.pressGlobal()} /></span>`;
}
