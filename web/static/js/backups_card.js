/** Verified copies of the journal: how old the newest is, and one more on demand. */
import { html } from "./lib.js";
import { useAnswer, useCommand } from "./hooks.js";
import { t } from "./i18n.js";
import { errorText } from "./messages.js";
import { megabytes } from "./numbers.js";
import { age, moment, utc } from "./times.js";

const SHOWN = 8;

export function BackupsCard() {
  const { answer, failure, again } = useAnswer("/api/backups", {}, { everyMs: 60000 });
  const { phase, error, run } = useCommand();
  const make = async () => { if (await run("/api/backups", {})) again(); };
  const known = answer?.backups ?? [];
  if (failure?.code === "no_backups") return html`<section class="box card" id="backups"><header><h2>${t("backups.title")}</h2></header><p class="muted">${errorText(failure)}</p></section>`;
  return html`<section class="box card" id="backups"><header><h2>${t("backups.title")}</h2><p>${known.length ? t("backups.newest", { age: age(Date.now() - known[0].made_ms) }) : ""}</p>
      <button type="button" class="btn s push" disabled=${phase === "sending"} onClick=${make}>${t(phase === "sending" ? "backups.making" : "backups.make")}</button></header>
    ${(failure || phase === "refused" || phase === "unknown") && html`<p class="msg warn" role="alert">${errorText(failure ?? error)}</p>`}
    ${answer && !known.length && html`<p class="muted">${t("backups.none")}</p>`}
    <dl class="kv">${known.slice(0, SHOWN).map((one) => html`<dt key=${one.name} title=${one.name}><time title=${utc(one.made_ms)}>${moment(one.made_ms)}</time></dt><dd key=${`${one.name}-size`}>${megabytes(one.bytes)}</dd>`)}</dl>
    <p class="note">${t("backups.how")}</p></section>`;
}
