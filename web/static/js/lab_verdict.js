/** What a search is worth: its winner where it was chosen and on what was held back, and all that speaks against it. */
import { html } from "./lib.js";
import { t } from "./i18n.js";
import { exact, number, percent, signedPercent } from "./numbers.js";

const PARTS = ["seen", "later", "others"];
const PCT = /_pct$|^pct$/;

/** `verdict`: null until a search has come to its end. */
export function LabVerdict({ verdict, sweep, onTake }) {
  if (!verdict) return html`<p class="note">${t("verdict.none")}</p>`;
  const ladder = Object.keys(sweep.ranges).map((name) => `${t(`param.${name}`)} ${exact(verdict.ladder[name])}`).join(", ");
  const parts = PARTS.filter((part) => verdict[part]);
  const colour = (value) => (Number(value) < 0 ? "r loss" : "r gain");
  return html`<section class="verdict" data-testid="verdict" aria-label=${t("verdict.title")}><h3>${t("verdict.title")}</h3><p class="note">${t("verdict.means")}</p>
    <p class="rowx"><b>${ladder}</b> <button type="button" class="btn s" onClick=${() => onTake({ ladder: verdict.ladder, budget: sweep.budget, name: `${sweep.name} ${verdict.number}` })}>${t("sweep.take")}</button></p>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("verdict.title")}><table class="t tight"><thead><tr><th>${t("lab.figure")}</th>${parts.map((part) => html`<th class="r" key=${part}>${t(`verdict.${part}`)}</th>`)}</tr></thead><tbody>
      <tr><th>${t("sweep.fig.profit")}</th>${parts.map((part) => html`<td key=${part} class=${colour(verdict[part].year_pct)}>${signedPercent(verdict[part].year_pct, 1)}</td>`)}</tr>
      <tr><th>${t("verdict.run")}</th>${parts.map((part) => html`<td key=${part} class=${colour(verdict[part].run_pct)}>${signedPercent(verdict[part].run_pct, 1)}</td>`)}</tr>
      <tr><th>${t("verdict.hold")}</th>${parts.map((part) => html`<td key=${part} class="r">${signedPercent(verdict[part].hold_run_pct, 1)}</td>`)}</tr>
      <tr><th>${t("sweep.fig.drawdown")}</th>${parts.map((part) => html`<td key=${part} class="r">${percent(verdict[part].drawdown_pct, 1)}</td>`)}</tr>
      <tr><th>${t("verdict.cycles")}</th>${parts.map((part) => html`<td key=${part} class="r">${number(verdict[part].cycles, 0)}</td>`)}</tr>
      <tr><th>${t("sweep.fig.ran_dry")}</th>${parts.map((part) => html`<td key=${part} class="r">${number(verdict[part].ran_dry, 0)}</td>`)}</tr></tbody></table></div>
    ${verdict.doubts.length ? html`<div class="note w"><b>${t("verdict.doubts")}</b><ul>${verdict.doubts.map((one) => html`<li key=${`${one.code}${one.values.name ?? ""}`}>${t(`doubt.${one.code}`, said(one.values))}</li>`)}</ul></div>` : html`<p class="note">${t("verdict.no_doubt")}</p>`}</section>`;
}

/** Values as a person reads them: figures rounded, names of parameters, kinds and ends in words. */
function said(values) {
  const words = { name: (value) => t(`param.${value}`), kind: (value) => t(`verdict.kind.${value}`), end: (value) => t(`verdict.end.${value}`), value: exact, budget: exact, correlation: (value) => number(value, 2) };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, (words[name] ?? (PCT.test(name) ? (pct) => percent(pct, 1) : (count) => number(count, 0)))(value)]));
}
