/** How the program is: parts, versions, feed, rate limits, backups, log. */
import { html } from "./lib.js";
import { BackupsCard, HealthCard, PaperCard } from "./system_cards.js";
import { useAnswer } from "./hooks.js";
import { t } from "./i18n.js";
import { LogsCard } from "./logs_card.js";
import { errorText } from "./messages.js";
import { megabytes, number } from "./numbers.js";
import { age, moment, utc } from "./times.js";

const EVERY_MS = 3000;

export function SystemPage() {
  const { answer, failure } = useAnswer("/api/system", {}, { everyMs: EVERY_MS });
  return html`<h1 class="page-title">${t("nav.system")}</h1>
    <div class="two system">
      <div>${failure && html`<p class="msg warn">${errorText(failure)}</p>`}<${LogsCard} /></div>
      <div><${HealthCard} />${answer && html`<${Feed} facts=${answer} />`}<${BackupsCard} /><${PaperCard} />${answer && html`<${Program} facts=${answer} />`}</div>
    </div>`;
}

function Feed({ facts }) {
  const { feed, rates } = facts;
  return html`<section class="box card" id="feed"><header><h2>${t("system.feed")}</h2></header>
    <dl class="kv">${feed && html`<dt>${t("truth.feed")}</dt><dd class=${feed.connected ? "" : "warn"}>${t(`feed.${feed.family}`)}</dd><dt>${t("system.last_message")}</dt><dd>${age(feed.age_ms)}</dd>`}
      ${rates.map((one) => html`<dt key=${one.group}>${t(`system.rate_${one.group}`)}</dt><dd key=${`${one.group}-use`} class=${one.closed_s ? "warn" : ""}>${one.closed_s ? t("system.rate_closed", { seconds: number(one.closed_s, 0) }) : html`<${Use} one=${one} />`}</dd>`)}</dl>
    <p class="note">${t(rates.length ? "system.rates_mean" : "system.rates_paper")}</p></section>`;
}

const Use = ({ one }) => html`<meter min="0" max=${one.burst} high=${one.burst - one.kept} value=${one.used} aria-label=${t(`system.rate_${one.group}`)}></meter> ${t("system.rate_used", { used: number(one.used, 0), burst: String(one.burst), per_s: String(one.per_s) })}`;

function Program({ facts }) {
  const versions = Object.entries(facts.versions);
  return html`<section class="box card" id="program"><header><h2>${t("system.program")}</h2></header>
    <dl class="kv"><dt>${t("system.runs_for")}</dt><dd title=${utc(facts.began_ms)}>${age(Date.now() - facts.began_ms)} · ${moment(facts.began_ms)}</dd>
      <dt>${t("system.engine")}</dt><dd>${facts.engine}</dd>
      ${versions.map(([name, version]) => html`<dt key=${name}>${name}</dt><dd key=${`${name}-version`}>${version}</dd>`)}
      <dt>${t("system.system")}</dt><dd>${facts.system}, ${t("system.processors", { count: facts.processors })}</dd></dl>
    <dl class="paths"><dt>${t("system.database")}</dt><dd><code>${facts.database ?? t("system.server")}</code>${facts.database_bytes !== null && html` <span class="muted">${megabytes(facts.database_bytes)}</span>`}</dd>
      <dt>${t("system.log_file")}</dt><dd><code>${facts.log_file}</code></dd>
      <dt>${t("system.address")}</dt><dd><code>${facts.address}</code></dd></dl></section>`;
}
