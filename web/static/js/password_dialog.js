/** The password: setting it on the Settings screen, and asking for it before what only its owner may do. */
import { html, useEffect, useState } from "./lib.js";
import { command, Failed, whenConfirming } from "./api.js";
import { Dialog } from "./dialog.js";
import { useAnswer, useCommand } from "./hooks.js";
import { t } from "./i18n.js";
import { errorText, say } from "./messages.js";

const SHORTEST = 10;
const NOTHING_TYPED = { current: "", password: "", repeat: "" };

/** What keeps these from being sent, as a key of the catalogues; null when nothing does. */
export function problem({ current, password, repeat }, isSet) {
  if (password && password.length < SHORTEST) return "password.short";
  if (password && repeat && repeat !== password) return "password.differs";
  return password && repeat && (current || !isSet) ? null : "";
}

/** The page's password: set or changed. What was typed is gone as soon as it was taken. */
export function PasswordForm() {
  const { answer, failure, again } = useAnswer("/api/password", {});
  const [typed, setTyped] = useState(NOTHING_TYPED);
  const { phase, error, run } = useCommand();
  const isSet = Boolean(answer?.set);
  const wrong = problem(typed, isSet);
  const press = async (event) => {
    event.preventDefault();
    if (wrong !== null || phase === "sending") return;
    const { current, password } = typed;
    if (!(await run("/api/password", isSet ? { password, current } : { password }))) return;
    setTyped(NOTHING_TYPED);
    say({ text: t("password.changed") });
    await again();
  };
  const field = (name, autocomplete) => html`<div class="f full"><label for=${`password-${name}`}>${t(`password.${name}`)}</label>
    <input id=${`password-${name}`} type="password" autocomplete=${autocomplete} maxlength="200" value=${typed[name]} aria-describedby="password-wrong" onInput=${(event) => setTyped({ ...typed, [name]: event.target.value })} /></div>`;
  return html`<section class="box card" id="password"><header><h2>${t("password.card")}</h2><p>${answer ? t(isSet ? "password.is_set" : "password.is_unset") : ""}</p></header>
    <p class="note">${t("password.means")}</p>
    ${failure && html`<p class="msg warn" role="alert">${errorText(failure)}</p>`}
    ${answer && html`<form class="form more" onSubmit=${press}>${isSet && field("current", "current-password")}${field("password", "new-password")}${field("repeat", "new-password")}
      <p class="note f full" id="password-wrong">${wrong ? t(wrong) : ""}</p>
      <div class="f full apply"><button type="submit" class="btn" disabled=${wrong !== null || phase === "sending"}>${t(isSet ? "password.change" : "password.set")}</button>
        ${error && html`<p class="outcome danger" role="alert">${errorText(error)}</p>`}</div></form>`}
  </section>`;
}

let pending = null;
let tell = () => {};

/** Resolves to whether the password was shown. */
whenConfirming((code) => new Promise((answer) => {
  pending?.answer(false);
  pending = { code, answer };
  tell();
}));

/** Real money: asks for the password, then the refused wish goes out again. */
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
