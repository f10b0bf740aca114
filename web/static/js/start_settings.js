/** What a start reads from its file: meaning, value, source; changed here it counts from the next start on. */
import { html, useState } from "./lib.js";
import { useAnswer, useCommand } from "./hooks.js";
import { has, t } from "./i18n.js";
import { errorText, say } from "./messages.js";

const CHOICES = {
  LOG_LEVEL: ["DEBUG", "INFO", "WARNING", "ERROR"],
  LOG_FORMAT: ["console", "json"],
  NOTIFY_OS: ["on", "off"],
  NOTIFY_OS_MIN_PRIORITY: ["high", "medium", "low"],
  NOTIFY_LANGUAGE: ["auto", "en", "ru"],
  NOTIFY_WEBHOOK_PRIVATE: ["no", "yes"],
  NOTIFY_WEBHOOK_MIN_PRIORITY: ["high", "medium", "low"],
};

export function StartSettings() {
  const { answer, failure, again } = useAnswer("/api/settings", {});
  if (failure) return html`<section class="box card" id="start-settings"><header><h2>${t("start.title")}</h2></header><p class="msg warn">${errorText(failure)}</p></section>`;
  if (!answer) return null;
  const here = answer.settings.filter((one) => one.changeable);
  const elsewhere = answer.settings.filter((one) => !one.changeable);
  const waiting = answer.settings.filter((one) => one.changed).length;
  return html`<section class="box card" id="start-settings"><header><h2>${t("start.title")}</h2><p>${t("start.means")}</p></header>
    ${!answer.readable && html`<p class="msg warn">${t("start.unreadable")}</p>`}
    ${waiting > 0 && html`<p class="msg">${t("start.waiting", { count: waiting })}</p>`}
    <ul class="settings-list">${here.map((one) => html`<${Setting} key=${one.name} one=${one} again=${again} />`)}</ul>
    <details><summary>${t("start.elsewhere")}</summary><p class="note">${t("start.elsewhere_means", { file: answer.file ?? "–" })}</p>
      <dl class="kv">${elsewhere.map((one) => html`<dt key=${one.name}><code>${one.name}</code></dt><dd key=${`${one.name}-value`}>${one.secret ? t(one.set ? "start.secret_set" : "start.secret_unset") : one.value || "–"} <span class="faint">${t(`start.from_${one.source}`)}</span></dd>`)}</dl></details>
  </section>`;
}

function Setting({ one, again }) {
  const known = one.next ?? one.value ?? "";
  const [typed, setTyped] = useState(null);
  const { phase, error, run } = useCommand();
  const save = async (value) => {
    if (!(await run("/api/settings", { name: one.name, value }))) return;
    setTyped(null);
    say({ text: t("start.saved", { name: one.name }) });
    await again();
  };
  const press = (event) => {
    event.preventDefault();
    if (typed !== null) save(typed.trim() === "" ? null : typed.trim());
  };
  const id = `start-${one.name}`;
  const look = typed !== null && typed !== known ? "chg" : "";
  const fixed = one.source === "flag" || one.source === "environment";
  const field = CHOICES[one.name]
    ? html`<select id=${id} class=${look} value=${typed ?? known} aria-describedby=${`${id}-means`} onChange=${(event) => setTyped(event.target.value)}>${CHOICES[one.name].map((choice) => html`<option key=${choice} value=${choice}>${choice}</option>`)}</select>`
    : html`<input id=${id} class=${look} type=${one.secret ? "password" : "text"} autocomplete="off" value=${typed ?? (one.secret ? "" : known)} placeholder=${one.secret ? t(one.set ? "start.secret_set" : "start.secret_unset") : one.example} aria-describedby=${`${id}-means`} onInput=${(event) => setTyped(event.target.value)} />`;
  return html`<li><form class="f" onSubmit=${press}>
    <label for=${id}><code>${one.name}</code><em>${t(`start.from_${one.source}`)}${one.changed ? ` · ${t("start.next", { value: one.secret ? "***" : one.next ?? "–" })}` : ""}</em></label>
    <span class="rowx">${field}${typed !== null && html`<button type="submit" class="btn s" disabled=${phase === "sending"}>${t("start.save")}</button>`}${one.secret && one.set && typed === null && html`<button type="button" class="btn s" onClick=${() => save(null)}>${t("start.forget")}</button>`}</span>
    <p class="note" id=${`${id}-means`}>${has(`setting.${one.name}`) ? t(`setting.${one.name}`) : ""}${fixed ? ` ${t(`start.fixed_${one.source}`)}` : ""}</p>
    ${(phase === "refused" || phase === "unknown") && html`<p class="outcome danger" role="alert">${errorText(error)}</p>`}
  </form></li>`;
}
