/** The journal's three tables, one heading: orders, decisions, the record of what was changed and told. */
import { html } from "./lib.js";
import { t } from "./i18n.js";

const TABLES = ["orders", "decisions", "record"];

export const JournalTabs = ({ here }) => html`<h1 class="sr">${t("nav.orders")}: ${t(`journal.${here}`)}</h1>
  <nav class="seg links" aria-label=${t("nav.orders")}>${TABLES.map((name) => html`<a key=${name} href=${`#/${name}`} aria-current=${name === here ? "page" : null}>${t(`journal.${name}`)}</a>`)}</nav>`;
