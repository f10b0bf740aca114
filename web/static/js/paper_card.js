/** The paper account, begun anew when a person wants it. */
import { html, useState } from "./lib.js";
import { useAnswer, useCommand } from "./hooks.js";
import { rich, t } from "./i18n.js";
import { errorText, say } from "./messages.js";
import { number } from "./numbers.js";
import { state } from "./store.js";

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
