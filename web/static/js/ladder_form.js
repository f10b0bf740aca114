/**
 * The ladder's parameters: own or common, changed or applied, and what a change does before it is applied: money first,
 * then the steps. Without a coin it edits the common ladder.
 */
import { html, useEffect, useMemo, useState } from "./lib.js";
import { Failed, get, preview } from "./api.js";
import { signatureOf } from "./breakeven_table.js";
import { useAnswer, useCommand, useRested } from "./hooks.js";
import { isActive } from "./coin_facts.js";
import { t } from "./i18n.js";
import { ALL_FIELDS, FIELDS, MORE_FIELDS } from "./ladder_fields.js";
import { LadderPresets } from "./ladder_presets.js";
import { errorText, say } from "./messages.js";
import { exact, number, parsed, signed, signedPercent } from "./numbers.js";
import { OrderButton } from "./order_button.js";
import { state } from "./store.js";

/** What a field's text means: {value} to send, or {bad: true}. Pure. */
export function readField(field, typed) {
  if (field.choices) return { value: typed };
  if (field.list) {
    const parts = typed.split(/[;\s]+/).filter(Boolean).map(parsed);
    return parts.some((part) => part === null) ? { bad: true } : { value: parts };
  }
  const text = parsed(typed);
  if (text === null || text.startsWith("-")) return { bad: true };
  if (!field.whole) return { value: text };
  return /^\d{1,3}$/.test(text) ? { value: Number(text) } : { bad: true };
}

const shownValue = (value) => (Array.isArray(value) ? value.join("; ") : String(value ?? ""));

/** A ladder on its way into a coin's form, where its changes are seen before they are applied: {to: currency, values}. */
export const hand = { to: null, values: null };

/** `form`: [draft, setDraft] of whoever else changes it; `onOutlook({params, after})`: what the form shows, and its table. */
export function LadderForm({ coin = null, revision, onApplied, form = null, onOutlook = null, actions = null }) {
  const query = coin ? { base_currency: coin.currency } : {};
  const { answer, again } = useAnswer("/api/trade/params", query, { signature: String(revision) });
  const own = useState({});
  const [draft, setDraft] = form ?? own; // name -> typed text, or null: back to common
  const [outlook, setOutlook] = useState({});
  const { phase, error, run, reset } = useCommand();
  const quote = state.head.money.quote;
  const base = answer && (coin ? answer.effective : answer.common);

  const read = useMemo(() => {
    if (!base) return { changes: {}, bad: [] };
    const changes = {}, bad = [];
    for (const [name, typed] of Object.entries(draft)) {
      const field = ALL_FIELDS.find((one) => one.name === name);
      const got = typed === null ? { value: null } : readField(field, typed);
      if (got.bad) bad.push(name);
      else if (typed === null ? name in (answer.own ?? {}) : JSON.stringify(got.value) !== JSON.stringify(base[name])) changes[name] = got.value;
    }
    return { changes, bad };
  }, [draft, answer]);

  const touched = Object.keys(read.changes).length > 0;
  useRested({ changes: read.changes, bad: read.bad, revision, table: coin && signatureOf(coin) }, 300, async ({ changes, bad }) => {
    if (!coin || bad.length || !Object.keys(changes).length) { setOutlook({}); return; }
    try {
      const [after, before, needs] = await Promise.all([preview("/api/breakeven/preview", { base_currency: coin.currency, ...changes }), preview("/api/breakeven/preview", { base_currency: coin.currency }), get("/api/before_switch", { base_currency: coin.currency })]);
      setOutlook({ before, after, needs });
    } catch (failed) {
      if (!(failed instanceof Failed)) throw failed;
      setOutlook({ failed });
    }
  });

  const shownNow = base && { ...base, ...Object.fromEntries(Object.entries(read.changes).filter(([, value]) => value !== null)) };
  useEffect(() => { if (shownNow) onOutlook?.({ params: shownNow, after: outlook.after ?? null }); }, [JSON.stringify(shownNow), outlook]);
  /** A kept ladder becomes what is typed, where it differs from what holds now. */
  const load = (values) => {
    reset();
    const differs = ALL_FIELDS.filter(({ name }) => JSON.stringify(values[name]) !== JSON.stringify(base[name]));
    setDraft(Object.fromEntries(differs.map(({ name }) => [name, shownValue(values[name])])));
  };
  useEffect(() => {
    if (!base || !coin || hand.to !== coin.currency) return;
    load(hand.values);
    hand.to = null;
  }, [Boolean(base)]);
  if (!base) return html`<section class="box card" id="ladder"><h2>${t("ladder.title_common")}</h2><div class="skel"></div></section>`;
  const change = (name, typed) => { reset(); setDraft({ ...draft, [name]: typed }); };
  const discard = () => { reset(); setDraft({}); };
  const apply = async () => {
    const done = await run("/api/trade/params", { ...query, ...read.changes });
    if (!done) return;
    setDraft({});
    again();
    onApplied();
    say({ text: coin ? t("ladder.applied", { currency: coin.currency }) : t("ladder.applied_common") });
  };
  const wrong = outlook.after?.error ?? (outlook.failed && { field: outlook.failed.field, message: errorText(outlook.failed) });
  const one = (field) => html`<${Field} key=${field.name} field=${field} typed=${draft[field.name]} base=${base[field.name]} common=${answer.common[field.name]} own=${coin && field.name in answer.own}
    changed=${field.name in read.changes} bad=${read.bad.includes(field.name) || wrong?.field === field.name} change=${change} quote=${quote} isCommon=${!coin} />`;
  return html`<section class="box card" id="ladder">
    <header><h2>${coin ? t("ladder.title", { currency: coin.currency }) : t("ladder.title_common")}</h2><p>${t(coin ? "ladder.colours" : "ladder.common_means")}</p></header>
    <div class="form">${FIELDS.filter((field) => !field.when || field.when(shownNow)).map(one)}</div>
    <details class="more"><summary>${t("ladder.more")}</summary><div class="form">${MORE_FIELDS.map(one)}</div></details>
    ${wrong && html`<p class="msg warn" role="status">${wrong.field ? `${t(`param.${wrong.field}`)}: ` : ""}${wrong.message}</p>`}
    ${phase === "refused" && html`<p class="msg danger" role="alert">${errorText(error)}</p>`}
    ${outlook.before && outlook.after && !outlook.after.error && touched && html`<${Outlook} before=${outlook.before} after=${outlook.after} needs=${outlook.needs} coin=${coin} />`}
    <div class="apply">
      <${OrderButton} phase=${phase} label=${coin ? applyLabel(coin, outlook) : t("ladder.apply_common")} disabled=${!touched || read.bad.length > 0 || Boolean(wrong)} why=${t("ladder.nothing_changed")} onPress=${apply} wide />
      <button type="button" class="btn" disabled=${Object.keys(draft).length === 0} onClick=${discard}>${t("ladder.discard")}</button>
    </div>
    <p class="note">${t("ladder.apply_means")}</p>
    <${LadderPresets} params=${shownNow} coin=${coin} actions=${actions} load=${load} />
  </section>`;
}

function applyLabel(coin, { after }) {
  const ahead = after?.rows.filter((row) => !row.done && row.step !== null) ?? [];
  if (!isActive(coin) || !ahead.length) return t("ladder.apply");
  return t("ladder.apply_steps", { from: ahead[0].step, to: ahead.at(-1).step });
}

export function Field({ field, typed, base, common, own, changed, bad, change, quote, isCommon }) {
  const { name } = field;
  const value = typed === null ? shownValue(common) : typed ?? shownValue(base);
  const unit = field.unit === "quote" ? quote : field.unit === "price" ? t("unit.0_market") : field.unit === "s" ? t("unit.s") : field.unit;
  const says = changed ? html`<em class="c">${t("ladder.was", { value: spelled(field, base) })}</em>`
    : isCommon ? html`<em></em>` : own ? html`<button type="button" class="as-link" title=${t("ladder.back_to_common")} onClick=${() => change(name, null)}>${t("ladder.common_is", { value: spelled(field, common) })}</button>` : html`<em>${t("ladder.common")}</em>`;
  const echo = typed !== undefined && typed !== null && !field.choices && !bad && !field.list ? parsed(typed) : null;
  const look = bad ? "bad" : changed ? "chg" : own ? "own" : "";
  const id = `field-${name}`;
  return html`<div class=${`f${field.list ? " full" : ""}`}>
    <label for=${id}><span title=${t(`param.${name}`)}>${t(`param.${name}`)}</span>${says}</label>
    ${field.choices
      ? html`<select id=${id} class=${look} value=${value} onChange=${(event) => change(name, event.target.value)}>${field.choices.map((choice) => html`<option value=${choice} selected=${choice === value}>${t(`choice.${choice}`)}</option>`)}</select>`
      : html`<span class="u"><input id=${id} class=${look} value=${value} inputmode="decimal" autocomplete="off" aria-invalid=${bad ? "true" : null} onInput=${(event) => change(name, event.target.value)} /><em>${unit}</em></span>`}
    ${bad && typed ? html`<span class="echo warn">${t("ladder.not_a_number")}</span>` : echo !== null && exact(echo) !== typed.trim() && html`<span class="echo">${t("reads_as", { value: exact(echo) })}</span>`}
  </div>`;
}

export const spelled = (field, value) => (field.choices ? t(`choice.${value}`) : Array.isArray(value) ? String(value.length) : exact(value));

/** Money first: what the change costs, then every step ahead now and new. */
function Outlook({ before, after, needs, coin }) {
  const price = (text) => number(text, coin.price_precision);
  const end = (table) => table.rows.at(-1);
  const loss = (row) => (Number(row.held) * Number(row.price) * (1 - Number(coin.fee_pct) / 100) - Number(row.invested)).toFixed(6);
  const deep = (table) => (coin.ask ? ((Number(end(table).price) / Number(coin.ask) - 1) * 100).toFixed(6) : null);
  // What all coins lack once this one's ladder costs more or less ahead.
  const missing = Math.max(0, Number(needs.all_need) + Number(after.cost_ahead) - Number(before.cost_ahead) - Number(needs.free)).toFixed(8);
  const lines = [
    ["outlook.ahead", number(before.cost_ahead), number(after.cost_ahead), difference(before.cost_ahead, after.cost_ahead)],
    ["outlook.full", number(before.cost), number(after.cost), difference(before.cost, after.cost)],
    ["outlook.deepest", signedPercent(deep(before)), signedPercent(deep(after)), difference(deep(before), deep(after))],
    ["outlook.loss", signed(loss(end(before))), signed(loss(end(after))), difference(loss(end(before)), loss(end(after)))],
    ["outlook.missing", number(needs.missing), number(missing), difference(needs.missing, missing)],
    ...(isActive(coin) ? [["col.take_profit", price(coin.take_profit), price(activeOf(after)?.take_profit), difference(coin.take_profit, activeOf(after)?.take_profit, coin.price_precision)]] : []),
  ];
  const ahead = (table) => table.rows.filter((row) => !row.done);
  const steps = new Map([...ahead(before), ...ahead(after)].map((row) => [row.step, row.step]));
  const find = (table, step) => ahead(table).find((row) => row.step === step);
  const bought = before.rows.filter((row) => row.done).length;
  const trades = isActive(coin) && tradesAtOnce(after, coin);
  return html`<div class="outlook">
    <h3>${t("outlook.title")}</h3>
    ${trades && html`<p class="msg danger">${t(trades)}</p>`}
    <table class="t tight oldnew"><thead><tr><th>${t("outlook.money")}</th><th class="r">${t("outlook.now")}</th><th class="r">${t("outlook.new")}</th><th class="r">${t("outlook.change")}</th></tr></thead>
      <tbody>${lines.map(([name, was, is, by]) => html`<tr key=${name}><td>${t(name)}</td><td class="muted">${was}</td><td class=${was === is ? "" : "n"}>${is}</td><td>${by}</td></tr>`)}</tbody></table>
    <div class="scroll" tabindex="0"><table class="t tight oldnew"><thead><tr><th>${t("table.step")}</th><th class="r">${t("outlook.price_now")}</th><th class="r">${t("outlook.new")}</th><th class="r">${t("outlook.buy_now")}</th><th class="r">${t("outlook.new")}</th><th class="r">${t("outlook.tp_now")}</th><th class="r">${t("outlook.new")}</th></tr></thead>
      <tbody>${[...steps.keys()].map((step) => {
        const was = find(before, step), is = find(after, step);
        return html`<tr key=${step}><td>${step || t("step.start")}</td><td class="muted">${price(was?.price)}</td><td class="n">${price(is?.price)}</td><td class="muted">${number(was?.quote)}</td><td class="n">${number(is?.quote)}</td><td class="muted">${price(was?.take_profit)}</td><td class="n">${price(is?.take_profit)}</td></tr>`;
      })}</tbody></table></div>
    ${bought > 0 && html`<p class="note">${t("outlook.bought", { count: bought })}</p>`}
  </div>`;
}

const activeOf = (table) => table.rows.find((row) => row.active);
const difference = (one, other, decimals = 2) => (one === null || other === null || other === undefined ? "–" : signed((Number(other) - Number(one)).toFixed(12), decimals));

/** Whether the new thresholds would trade at the present price. */
export function tradesAtOnce(after, coin) {
  const next = after.rows.find((row) => !row.done);
  if (coin.bid && activeOf(after) && Number(coin.bid) >= Number(activeOf(after).take_profit)) return "outlook.sells_now";
  return next && coin.ask && Number(coin.ask) <= Number(next.price) ? "outlook.buys_now" : null;
}
