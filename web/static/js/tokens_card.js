/** Tokens of scripts: who has one, what it may do, when it was used; made (shown once) and revoked here. */
import { html, useEffect, useRef, useState } from "./lib.js";
import { useAnswer, useCommand } from "./hooks.js";
import { t } from "./i18n.js";
import { errorText, say } from "./messages.js";
import { moment, utc } from "./times.js";

const SCOPES = ["read", "trade", "admin"];

export function TokensCard() {
  const { answer, failure, again } = useAnswer("/api/tokens", {});
  const [name, setName] = useState("");
  const [scope, setScope] = useState(SCOPES[0]);
  const [leaving, setLeaving] = useState(null);
  const [made, setMade] = useState(null);
  const { phase, error, run } = useCommand();
  const tokens = answer?.tokens ?? [];
  const make = async (event) => {
    event.preventDefault();
    const done = await run("/api/tokens/create", { name: name.trim(), scope });
    // A lost answer may have made one, which then stands in the list and is revoked there.
    await again();
    if (!done) return;
    setMade(done);
    setName("");
  };
  const gone = () => {
    if (made?.id === leaving) setMade(null);
    setLeaving(null);
    again();
  };
  return html`<section class="box card" id="tokens"><header><h2>${t("tokens.title")}</h2></header>
    <div class="stack"><p class="note">${t("tokens.means")}</p>
    ${failure && html`<p class="msg warn" role="alert">${errorText(failure)}</p>`}
    ${made && html`<${Made} key=${made.id} token=${made} onClose=${() => setMade(null)} />`}
    ${answer && !tokens.length && html`<p class="muted">${t("tokens.none")}</p>`}
    <ul class="settings-list">${tokens.map((one) => leaving === one.id ? html`<${Revoke} key=${one.id} token=${one} onClose=${() => setLeaving(null)} onDone=${gone} />` : html`<li class="rowx" key=${one.id}><div><b>${one.name}</b> <span class="st">${t(`tokens.${one.scope}`)}</span>
      <p class="note">${t("tokens.made")} <time title=${utc(one.created_ms)}>${moment(one.created_ms)}</time> · ${one.used_ms ? html`${t("tokens.used")} <time title=${utc(one.used_ms)}>${moment(one.used_ms)}</time>` : t("tokens.unused")}</p></div>
      <button type="button" class="btn s" aria-label=${t("tokens.revoke_named", { name: one.name })} onClick=${() => setLeaving(one.id)}>${t("tokens.revoke")}</button></li>`)}</ul>
    <form class="form" onSubmit=${make}>
      <div class="f"><label for="token-name">${t("tokens.name")}</label><input id="token-name" maxlength="40" autocomplete="off" value=${name} onInput=${(event) => setName(event.target.value)} /></div>
      <div class="f"><label for="token-scope">${t("tokens.scope")}</label><select id="token-scope" value=${scope} aria-describedby="token-may" onChange=${(event) => setScope(event.target.value)}>${SCOPES.map((one) => html`<option key=${one} value=${one}>${t(`tokens.${one}`)}</option>`)}</select></div>
      <p class="note f full" id="token-may">${t(`tokens.may_${scope}`)}</p>
      <div class="f full apply"><button type="submit" class="btn" disabled=${!name.trim() || phase === "sending"}>${t("tokens.make")}</button>
        ${error && html`<p class="outcome danger" role="alert">${errorText(error)}</p>`}</div></form></div>
  </section>`;
}

function Made({ token, onClose }) {
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
  const copy = async () => {
    field.current.select();
    try {
      await navigator.clipboard.writeText(token.secret);
      say({ text: t("tokens.copied") });
    } catch {
      say({ text: t("tokens.copy_yourself") }); // the browser does not allow it; the text is selected
    }
  };
  return html`<div class="note w stack"><p>${t("tokens.once", { name: token.name })}</p>
    <div class="f"><input ref=${field} readonly aria-label=${t("tokens.secret")} value=${token.secret} onFocus=${(event) => event.target.select()} /></div>
    <p class="rowx"><button type="button" class="btn s" onClick=${copy}>${t("tokens.copy")}</button><button type="button" class="btn s" onClick=${onClose}>${t("tokens.kept")}</button></p></div>`;
}

/** Asks once more in its place; no is what Enter means first. */
function Revoke({ token, onClose, onDone }) {
  const { phase, error, run } = useCommand();
  const safe = useRef(null);
  useEffect(() => safe.current.focus(), []);
  const press = async () => {
    if (!(await run("/api/tokens/revoke", { id: token.id }))) return;
    say({ text: t("tokens.revoked", { name: token.name }) });
    onDone();
  };
  return html`<li class="note w stack" role="group" aria-label=${t("tokens.revoke_named", { name: token.name })} onKeyDown=${(event) => { if (event.key === "Escape") onClose(); }}>
    <p><b>${t("tokens.revoke_named", { name: token.name })}?</b> ${t("tokens.revoke_means")}</p>
    ${error && html`<p class="outcome danger" role="alert">${errorText(error)}</p>`}
    <p class="rowx"><button type="button" class="btn s" ref=${safe} onClick=${onClose}>${t("cancel")}</button><button type="button" class="btn s risk" disabled=${phase === "sending"} onClick=${press}>${t("tokens.revoke")}</button></p></li>`;
}
