/** Cards of the System screen: how the parts are, the paper account, copies of the journal. */
import { html, useState } from "./lib.js";
import { useAnswer, useCommand } from "./hooks.js";
import { has, rich, t } from "./i18n.js";
import { alertText, errorText, say } from "./messages.js";
import { megabytes, number } from "./numbers.js";
import { state } from "./store.js";
import { age, moment, utc } from "./times.js";

const EVERY_MS = 3000;

/** What is to be said of a part. */
export function sayPart({ name, ok, code, values }) {
  const key = `health.${name}.${code}`;
  const general = `health.any.${code}`;
  if (ok) return t("health.well");
  return t(has(key) ? key : has(general) ? general : "health.any.unwell", { ...values, code });
}

export const ordered = (parts) => [...parts].sort((one, two) => one.ok - two.ok);

/** The engine's parts, unwell ones first, and the newest alerts with how often each came. */
export function HealthCard() {
  const { answer } = useAnswer("/api/health", {}, { everyMs: EVERY_MS });
  const { answer: told } = useAnswer("/api/alerts", {}, { everyMs: EVERY_MS });
  const parts = ordered(answer?.parts ?? []);
  const alerts = told?.alerts ?? [];
  return html`<section class="box card" id="health"><header><h2>${t("health.title")}</h2><p>${t(answer?.ok === false ? "health.unwell" : "health.all_well")}</p></header>
      <dl class="kv">${parts.map((part) => html`<dt key=${`${part.name}-name`}>${t(has(`health.${part.name}`) ? `health.${part.name}` : "health.part", { name: part.name })}</dt><dd key=${part.name} class=${part.ok ? "" : "warn"}>${sayPart(part)}</dd>`)}</dl></section>
    <section class="box card" id="alerts"><header><h2>${t("alerts.title")}</h2></header>
      ${told && !alerts.length && html`<p class="muted">${t("alerts.none")}</p>`}
      <ul class="log">${alerts.map((one) => html`<li key=${`${one.time_ms}-${one.code}-${one.currency}`}><time>${moment(one.last_ms)}</time><span class=${`st ${one.priority === "high" ? "danger" : "q"}`}>${one.times > 1 ? t("alerts.times", { times: one.times }) : ""}</span><p>${alertText({ ...one, times: 1 })}</p></li>`)}</ul></section>`;
}

/** The paper account, begun anew when a person wants it. */
export function PaperCard() {
  const [asking, setAsking] = useState(false);
  const paper = state.head?.mode === "paper";
  const { answer } = useAnswer("/api/paper", {}, { paused: !paper });
  const { phase, error, run } = useCommand();
  if (!paper || !answer) return null;
  const start = Object.entries(answer.start).map(([name, amount]) => `${number(amount)} ${name}`).join(", ");
  const reset = async () => {
    if (!(await run("/api/paper/reset", { confirm: "RESET" }))) return;
    setAsking(false);
    say({ text: t("paper.done", { start }) });
  };
  return html`<section class="box card" id="paper"><header><h2>${t("paper.title")}</h2><p>${t("paper.starts_with", { start })}</p></header>
    ${phase === "refused" && html`<p class="msg warn" role="alert">${errorText(error)}</p>`}
    ${phase === "unknown" && html`<p class="msg danger" role="alert">${t("error.no_connection")}</p>`}
    ${asking ? html`<p>${rich("paper.means", { start })}</p><div class="rowx"><button type="button" class="btn s" ref=${(button) => button?.focus()} onClick=${() => setAsking(false)}>${t("cancel")}</button><button type="button" class="btn s risk" disabled=${phase === "sending"} onClick=${reset}>${t("paper.do")}</button></div>`
      : html`<button type="button" class="btn s" onClick=${() => setAsking(true)}>${t("paper.ask")}</button>`}</section>`;
}

const SHOWN = 8;

/** Verified copies of the journal: how old the newest is, and one more on demand. */
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
    <dl class="kv">${known.slice(0, SHOWN).map((one) => html`<dt key=${one.name} title=${one.name}><time title=${utc(one.made_ms)}>${moment(one.made_ms)}</time></dt><dd key=${`${one.name}-size`}>${one.by_hand ? `${t("backups.by_hand")} · ` : ""}${megabytes(one.bytes)}</dd>`)}</dl>
    <p class="note">${t("backups.how")}</p></section>`;
}
