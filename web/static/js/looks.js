/** Language, palette and theme of this browser. In the top bar; on a phone in the settings. */
import { html } from "./lib.js";
import { LANGUAGES, chooseLanguage, lang, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { keep } from "./kept.js";
import { changed } from "./store.js";

const flip = (name, one, other) => {
  const root = document.documentElement;
  root.dataset[name] = root.dataset[name] === one ? other : one;
  keep(name, root.dataset[name]);
};

const speak = async (language) => {
  await chooseLanguage(language);
  changed();
};

export const Looks = () => html`
  <span class="nw">${LANGUAGES.map((name, at) => html`${at > 0 && " · "}${name === lang() ? html`<b>${name.toUpperCase()}</b>` : html`<button type="button" class="as-link" lang=${name} onClick=${() => speak(name)}>${name.toUpperCase()}</button>`}`)}</span>
  <button type="button" class="btn s ghost" title=${t("look.palette")} aria-label=${t("look.palette")} onClick=${() => flip("palette", "classic", "cvd")}><${Icon} name="eye" /></button>
  <button type="button" class="btn s ghost" title=${t("look.theme")} aria-label=${t("look.theme")} onClick=${() => flip("theme", "dark", "light")}><${Icon} name="sun" /></button>`;
