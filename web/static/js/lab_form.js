/** A run to be: which candles, which ladder, how much money. The ladder is a coin's own, a kept one, or typed. */
import { html, useEffect, useState } from "./lib.js";
import { Failed, get } from "./api.js";
import { fieldOf, fromField, nextDay } from "./days.js";
import { useAnswer, useCommand } from "./hooks.js";
import { t } from "./i18n.js";
import { ALL_FIELDS, FIELDS, MORE_FIELDS } from "./ladder_fields.js";
import { Field, readField } from "./ladder_form.js";
import { errorText, sayError } from "./messages.js";
import { exact, number, parsed } from "./numbers.js";
import { BrokenFile } from "./lab_failure.js";
import { LabSearch } from "./lab_search.js";
import { presetName } from "./ladder_presets.js";
import { OrderButton } from "./order_button.js";
import { state } from "./store.js";
import { length } from "./times.js";

const LONGEST_NAME = 60;
// As app/stretches.py refuses it.
const HOLE_MS = 86400000;

/** What files hold, by symbol: {candles, first, last}, of one length of candle and within two moments. Pure. */
export function holdings(files, interval, from, to) {
  const found = new Map();
  for (const file of files) {
    if (file.interval_ms !== interval) continue;
    const first = Math.max(file.first_ms, from), last = Math.min(file.last_ms, (to || Infinity) - 1);
    const one = found.get(file.symbol) ?? { candles: 0, first: Infinity, last: 0 };
    if (last >= first) Object.assign(one, { candles: one.candles + Math.floor((last - first) / interval) + 1, first: Math.min(one.first, first), last: Math.max(one.last, last) });
    found.set(file.symbol, one);
  }
  return found;
}

/** The times in which none of these coins misses candles for longer than a run goes across: {from, to}, oldest first. Pure. */
export function stretches(files, interval, symbols) {
  const holes = [];
  let begin = Infinity, end = 0;
  for (const symbol of symbols) {
    let known = 0;
    for (const file of files.filter((one) => one.symbol === symbol && one.interval_ms === interval).sort((one, other) => one.first_ms - other.first_ms)) {
      if (known && file.first_ms - known > HOLE_MS) holes.push({ from: known, to: file.first_ms });
      for (const [from, to] of file.holes) if (to - Math.max(from, known) > HOLE_MS) holes.push({ from: Math.max(from, known), to });
      known = Math.max(known, file.last_ms + interval);
      begin = Math.min(begin, file.first_ms);
      end = Math.max(end, known);
    }
  }
  const found = [];
  for (const hole of holes.sort((one, other) => one.from - other.from)) {
    if (hole.from > begin) found.push({ from: begin, to: hole.from });
    begin = Math.max(begin, hole.to);
  }
  return [...found, { from: begin, to: end }];
}

/** `given`: {ladder, budget, name} of a search, taken into the form. */
export function LabForm({ data, given, onBegun, onSearch }) {
  const usable = data.files.filter((file) => file.candles);
  const lengths = [...new Set(usable.map((file) => file.interval_ms))].sort((one, other) => one - other);
  const [wanted, setWanted] = useState(0);
  const coinsOf = (ms) => holdings(usable, ms, 0, 0).size;
  const interval = lengths.includes(wanted) ? wanted : lengths.reduce((best, ms) => (coinsOf(ms) > coinsOf(best) ? ms : best), lengths[0]);
  const [picked, setPicked] = useState(null);
  const [from, setFrom] = useState(0);
  const [to, setTo] = useState(0);
  const [budget, setBudget] = useState("1000");
  const [name, setName] = useState("");
  const [source, setSource] = useState("common");
  const [base, setBase] = useState(null);
  const [draft, setDraft] = useState({});
  const presets = useAnswer("/api/presets", {}).answer?.presets ?? {};
  const { phase, error, run, reset } = useCommand();
  useEffect(() => {
    const [kind, which] = source.split(/:(.*)/s);
    const take = (values) => { setBase(values); setDraft({}); };
    if (kind === "given") return;
    if (kind === "default") take(data.defaults);
    else if (kind === "preset") take(presets[which] ?? data.defaults);
    else get("/api/trade/params", kind === "coin" ? { base_currency: which } : {}).then((told) => take(told.effective), (failed) => { if (!(failed instanceof Failed)) throw failed; sayError(failed); });
  }, [source]);
  useEffect(() => {
    if (!given) return;
    reset();
    setSource("given");
    setBase({ ...data.defaults, ...given.ladder, steps: Number(given.ladder.steps ?? data.defaults.steps) });
    setDraft({});
    setBudget(given.budget);
    setName(given.name);
  }, [given]);
  const broken = data.files.filter((file) => file.problem);
  if (!usable.length) {
    return html`<section class="box card" id="lab-form"><header><h2>${t("lab.title")}</h2></header>
      ${data.reading ? html`<p class="muted" role="status">${t("lab.reading")}</p>` : html`<p>${t("lab.no_data")}</p><p class="mono wrap">${data.folder}</p><p class="note">${t("lab.get_data")}</p><p class="mono wrap">python3 mTrade.py fetch-candles --help</p>`}
      <${Broken} files=${broken} /></section>`;
  }
  const all = holdings(usable, interval, 0, 0);
  const symbols = [...all.keys()].sort();
  const coins = (picked ?? symbols.filter((one) => state.coins.has(one.split("_")[0])).slice(0, 1)).filter((one) => all.has(one));
  const chosen = coins.length ? coins : symbols.slice(0, 1);
  const whole = stretches(usable, interval, chosen);
  // Nobody has chosen days: of times that no run goes across, the newest.
  const span = !from && !to && whole.length > 1 ? whole.at(-1) : { from, to };
  const across = whole.filter((one) => one.from < (span.to || Infinity) && one.to > span.from).length > 1;
  const choose = (days) => { reset(); setFrom(days.from); setTo(days.to); };
  const within = holdings(usable, interval, span.from, span.to);
  const candles = chosen.reduce((sum, one) => sum + within.get(one).candles, 0);
  const toggle = (one) => { reset(); setPicked(chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one].slice(-data.coins_max)); };
  const read = base ? ALL_FIELDS.map((field) => [field.name, draft[field.name] === undefined ? { value: base[field.name] } : readField(field, draft[field.name])]) : [];
  const values = Object.fromEntries(read.map(([field, got]) => [field, got.value]));
  const bad = read.filter(([, got]) => got.bad).map(([field]) => field);
  const money = parsed(budget);
  const quote = chosen[0].split("_")[1];
  const change = (field, typed) => { reset(); setDraft({ ...draft, [field]: typed }); };
  const one = (field) => html`<${Field} key=${field.name} field=${field} typed=${draft[field.name]} base=${base[field.name]} common=${base[field.name]} own=${false} changed=${field.name in draft && JSON.stringify(values[field.name]) !== JSON.stringify(base[field.name])} bad=${bad.includes(field.name) || error?.field === field.name} change=${change} quote=${quote} isCommon />`;
  const wish = { symbols: chosen, interval_ms: interval, from_ms: span.from, to_ms: span.to || null, budget: money, ladder: values };
  const begin = async () => {
    const told = await run("/api/lab/run", { name: name.trim(), ...wish });
    if (!told) return;
    setName("");
    onBegun(told.id);
  };
  const why = bad.length || money === null ? t("ladder.not_a_number") : candles > data.candles_max ? t("lab.too_many", { most: number(data.candles_max, 0) }) : candles ? "" : t("lab.fail.no_candles");
  const whyNoRun = why || (across ? t("lab.across") : "");
  const most = Math.max(...chosen.map((one) => within.get(one).last), 0);
  const least = Math.min(...chosen.map((one) => within.get(one).first));
  const days = (label, value, set) => html`<div class="f"><label for=${`lab-${label}`}>${t(`filter.${label}`)}</label><input id=${`lab-${label}`} type="date" value=${value} onChange=${(event) => set(fromField(event.target.value))} /></div>`;
  return html`<section class="box card" id="lab-form"><header><h2>${t("lab.title")}</h2></header>
    <fieldset><legend class="lab">${t("lab.coins")}</legend><div class="picks">${symbols.map((one) => html`<button type="button" key=${one} class="btn s" aria-pressed=${String(chosen.includes(one))} onClick=${() => toggle(one)}>${one.replace("_", "/")}</button>`)}</div></fieldset>
    <div class="form">
      <div class="f"><label for="lab-interval">${t("lab.candle")}</label><select id="lab-interval" value=${interval} onChange=${(event) => { reset(); setWanted(Number(event.target.value)); }}>${lengths.map((ms) => html`<option key=${ms} value=${ms} selected=${ms === interval}>${length(ms)}</option>`)}</select></div>
      <div class="f"><label for="lab-budget">${t("lab.budget")}</label><span class="u"><input id="lab-budget" class=${money === null || error?.field === "budget" ? "bad" : ""} inputmode="decimal" autocomplete="off" value=${budget} onInput=${(event) => { reset(); setBudget(event.target.value); }} /><em>${quote}</em></span>${money !== null && money !== budget.trim() && html`<span class="echo">${t("reads_as", { value: exact(money) })}</span>`}</div>
      ${whole.length > 1 && html`<div class="f full"><label for="lab-stretch">${t("lab.stretch")}</label><select id="lab-stretch" onChange=${(event) => choose(whole[Number(event.target.value)])}>
        ${whole.every((one) => one.from !== span.from || one.to !== span.to) && html`<option value="" selected disabled>${t("lab.stretch_own")}</option>`}
        ${whole.map((one, at) => html`<option key=${one.from} value=${at} selected=${one.from === span.from && one.to === span.to}>${fieldOf(one.from)} – ${fieldOf(one.to - 1)}</option>`)}</select></div>`}
      ${days("from", fieldOf(span.from), (ms) => choose({ ...span, from: ms }))}${days("to", fieldOf(span.to ? span.to - 1 : 0), (ms) => choose({ ...span, to: ms ? nextDay(ms) : 0 }))}
      ${across && html`<p class="note full w">${t("lab.across")}</p>`}
      <p class=${`note full${candles > data.candles_max ? " w" : ""}`}>${candles ? t("lab.holds", { candles: number(candles, 0), from: fieldOf(least), to: fieldOf(most) }) : t("lab.fail.no_candles")}</p>
      <div class="f full"><label for="lab-source">${t("lab.ladder")}</label><select id="lab-source" value=${source} onChange=${(event) => { reset(); setSource(event.target.value); }}>
        ${source === "given" && html`<option value="given" selected>${given.name}</option>`}<option value="common">${t("ladder.title_common")}</option><option value="default">${t("lab.defaults")}</option>
        ${[...state.coins.keys()].map((coin) => html`<option key=${coin} value=${`coin:${coin}`}>${t("lab.now", { currency: coin })}</option>`)}
        ${Object.keys(presets).map((preset) => html`<option key=${`p-${preset}`} value=${`preset:${preset}`}>${presetName(preset)}</option>`)}</select></div>
    </div>
    ${base && html`<div class="form ladder">${FIELDS.filter((field) => !field.when || field.when(values)).map(one)}</div>
      <details class="more"><summary>${t("ladder.more")}</summary><div class="form">${MORE_FIELDS.map(one)}</div></details>`}
    <div class="form"><div class="f full"><label for="lab-name">${t("lab.name")}<em>${t("lab.name_means")}</em></label><input id="lab-name" maxlength=${LONGEST_NAME} value=${name} autocomplete="off" onInput=${(event) => setName(event.target.value)} /></div></div>
    <div class="apply"><${OrderButton} phase=${phase} label=${t("lab.run")} disabled=${!base || Boolean(whyNoRun)} why=${whyNoRun} onPress=${begin} wide /></div>
    ${phase === "refused" && html`<p class="msg danger" role="alert">${errorText(error)}</p>`}
    ${base && html`<${LabSearch} wish=${{ ...wish, from_ms: from, to_ms: to || null }} why=${why} onBegun=${onSearch} />`}
    <p class="note">${t("lab.beside")}</p>${data.compiled ? null : html`<p class="note w">${t("lab.slow")} <span class="mono">python3 mTrade.py backtest --help</span></p>`}<${Broken} files=${broken} />
  </section>`;
}

const Broken = ({ files }) => files.length > 0 && html`<details class="more"><summary class="warn">${t("lab.broken", { count: files.length })}</summary>${files.map((file) => html`<${BrokenFile} key=${file.name} file=${file} />`)}</details>`;
