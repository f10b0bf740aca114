/** Why a run, a search or a file came to nothing: in this language where the worker knew it, else in its own words. */
import { html } from "./lib.js";
import { t } from "./i18n.js";

// Nothing is to be said beyond their sentence.
const TOLD_WHOLE = new Set(["no_memory", "no_candles", "too_many_candles", "too_little_data", "unknown_sweep", "old_search"]);

/** `failure`: {code, what, where, reason, values}; the last three may be missing. */
export function LabFailure({ failure: { code, what, where, reason, values } }) {
  return html`<p class="msg danger" role="alert"><span>${t(`lab.fail.${code}`)}${reason && html` ${t(`lab.bad.${reason}`, values)}`}${where && html` <span class="mono wrap">${where}</span>`}</span></p>
    ${!reason && !TOLD_WHOLE.has(code) && html`<pre class="note wrap">${what}</pre>`}`;
}

/** A file of candles that cannot be used. */
export const BrokenFile = ({ file }) => html`<p class="note wrap"><b>${file.name}</b> ${file.problem_reason
  ? html`${t(`lab.bad.${file.problem_reason}`, file.problem_values)}${file.problem_where !== file.name && html` <span class="mono">${file.problem_where}</span>`}`
  : html`${t(`lab.file.${file.problem_code}`)} <span class="faint">${file.problem}</span>`}</p>`;
