/** Real money: asks for the password, then the refused wish goes out again. */
import { html, useEffect, useState } from "./lib.js";
import { Failed, command, whenConfirming } from "./api.js";
import { Dialog } from "./dialog.js";
import { t } from "./i18n.js";
import { errorText } from "./messages.js";

let pending = null;
let tell = () => {};

/** Resolves to whether the password was shown. */
whenConfirming((code) => new Promise((answer) => {
  pending?.answer(false);
  pending = { code, answer };
  tell();
}));

export function PasswordDialog() {
  const [, draw] = useState(0);
  const [typed, setTyped] = useState("");
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    tell = () => draw((count) => count + 1);
    return () => { tell = () => {}; };
  }, []);
  if (!pending) return null;
  const first = pending.code === "password_needed";
  const end = (shown) => {
    const { answer } = pending;
    pending = null;
    setTyped("");
    setError(null);
    answer(shown);
    draw((count) => count + 1);
  };
  const press = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      if (first) await command("/api/password", { password: typed });
      await command("/api/password/confirm", { password: typed });
      end(true);
    } catch (failed) {
      if (!(failed instanceof Failed)) throw failed;
      setError(failed);
    } finally {
      setBusy(false);
    }
  };
  return html`<${Dialog} narrow id="password-title" title=${t(first ? "password.set_title" : "password.title")} onClose=${() => end(false)}
    foot=${html`<button type="button" class="btn" onClick=${() => end(false)}>${t("cancel")}</button>
      <button type="submit" form="password-form" class="btn prime" disabled=${busy || !typed}>${t("password.do")}</button>`}>
    <p>${t(first ? "password.set_say" : "password.say")}</p>
    <form id="password-form" class="f" onSubmit=${press}><label for="password-typed">${t("password.label")}</label>
      <input id="password-typed" type="password" data-safe autocomplete=${first ? "new-password" : "current-password"} value=${typed} onInput=${(event) => setTyped(event.target.value)} /></form>
    ${error && html`<p class="msg danger" role="alert">${errorText(error)}</p>`}
  <//>`;
}
