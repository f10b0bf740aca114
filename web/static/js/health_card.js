/** The engine's parts, unwell ones first, and the newest alerts with how often each came. */
import { html } from "./lib.js";
import { useAnswer } from "./hooks.js";
import { has, t } from "./i18n.js";
import { alertText } from "./messages.js";
import { moment } from "./times.js";

const EVERY_MS = 3000;

/** What is to be said of a part. */
export function sayPart({ name, ok, code, values }) {
  const key = `health.${name}.${code}`;
  const general = `health.any.${code}`;
  if (ok) return t("health.well");
  return t(has(key) ? key : has(general) ? general : "health.any.unwell", { ...values, code });
}

export const ordered = (parts) => [...parts].sort((one, two) => one.ok - two.ok);

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
