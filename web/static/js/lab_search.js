/** A search to be: ranges of parameters around the ladder of the form, how many ladders at most, and what counts. */
import { html, useState } from "./lib.js";
import { useCommand } from "./hooks.js";
import { t } from "./i18n.js";
import { ALL_FIELDS } from "./ladder_fields.js";
import { errorText } from "./messages.js";
import { parsed } from "./numbers.js";
import { OrderButton } from "./order_button.js";

const NAMES = ALL_FIELDS.filter((field) => !field.choices && !field.list).map((field) => field.name);
const FIRST = [["drop_step_pct", "1", "4", "0.5"], ["size_multiplier", "1", "2", "0.25"], ["", "", "", ""]];
const PARTS = ["begin", "end", "step"];
const COUNTS = ["profit", "drawdown", "capital", "ran_dry"];

/** `wish`: candles, budget and ladder as a run has them; `why` they cannot be used. */
export function LabSearch({ wish, why, onBegun }) {
  const [rows, setRows] = useState(FIRST);
  const [trials, setTrials] = useState("200");
  const [counts, setCounts] = useState(COUNTS.slice(0, 3));
  const { phase, error, run, reset } = useCommand();
  const change = (row, at, value) => { reset(); setRows(rows.map((one, number) => (number === row ? one.map((old, place) => (place === at ? value : old)) : one))); };
  const toggle = (one) => { reset(); setCounts(counts.includes(one) ? counts.filter((other) => other !== one) : [...counts, one]); };
  const ranges = rows.filter(([name]) => name).map(([name, ...typed]) => ({ name, ...Object.fromEntries(PARTS.map((part, at) => [part, parsed(typed[at])])) }));
  const bad = !ranges.length || !counts.length || !/^[1-9]\d{0,4}$/.test(trials) || ranges.some((one) => Object.values(one).includes(null));
  const begin = async () => { if (await run("/api/lab/search", { ...wish, ranges, trials: Number(trials), objectives: counts })) onBegun(); };
  return html`<details class="more" data-testid="search"><summary>${t("search.title")}</summary><p class="note">${t("search.means")}</p>
    ${rows.map(([name, ...typed], row) => html`<div key=${row} class="range"><select aria-label=${t("search.param")} value=${name} onChange=${(event) => change(row, 0, event.target.value)}><option value="">–</option>${NAMES.map((one) => html`<option key=${one} value=${one} selected=${one === name}>${t(`param.${one}`)}</option>`)}</select>
      ${PARTS.map((part, at) => html`<input key=${part} class=${name && parsed(typed[at]) === null ? "bad" : ""} inputmode="decimal" autocomplete="off" placeholder=${t(`search.${part}`)} aria-label=${`${name ? t(`param.${name}`) : t("search.param")}: ${t(`search.${part}`)}`} value=${typed[at]} onInput=${(event) => change(row, at + 1, event.target.value)} />`)}</div>`)}
    <div class="form"><div class="f"><label for="search-trials">${t("search.trials")}</label><input id="search-trials" inputmode="numeric" autocomplete="off" value=${trials} onInput=${(event) => { reset(); setTrials(event.target.value.trim()); }} /></div>
      <fieldset class="f full"><legend class="lab">${t("search.counts")}</legend><div class="picks">${COUNTS.map((one) => html`<button type="button" key=${one} class="btn s" aria-pressed=${String(counts.includes(one))} onClick=${() => toggle(one)}>${t(`sweep.fig.${one}`)}</button>`)}</div></fieldset></div>
    <div class="apply"><${OrderButton} phase=${phase} label=${t("search.go")} disabled=${bad || Boolean(why)} why=${why || t("ladder.not_a_number")} onPress=${begin} wide /></div>
    ${phase === "refused" && html`<p class="msg danger" role="alert">${errorText(error)}</p>`}</details>`;
}
