/** Copies a coin's own ladder to others: what changes for each is shown first; then one command per coin, each with its result. */
import { html, useEffect, useState } from "./lib.js";
import { Failed, command, get, newKey, preview } from "./api.js";
import { isActive } from "./coin_facts.js";
import { Dialog } from "./dialog.js";
import { t } from "./i18n.js";
import { ALL_FIELDS } from "./ladder_fields.js";
import { spelled, tradesAtOnce } from "./ladder_form.js";
import { errorText } from "./messages.js";
import { number } from "./numbers.js";
import { OrderButton } from "./order_button.js";
import { state } from "./store.js";

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** What makes a coin's own values those of the source: null gives one back to the common value. Pure. */
export function changesFor(source, target) {
  const changes = {};
  for (const name of new Set([...Object.keys(source.own), ...Object.keys(target.own)])) {
    if (!(name in source.own)) changes[name] = null;
    else if (!(name in target.own) || !same(source.own[name], target.own[name])) changes[name] = source.effective[name];
  }
  return changes;
}

/** The target's plan: {changes, before, after, wrong}. Errors: `Failed`. */
async function planFor(currency, source) {
  const target = await get("/api/trade/params", { base_currency: currency });
  const changes = changesFor(source, target);
  if (!Object.keys(changes).length) return { target, changes };
  const [before, after] = await Promise.all([get("/api/breakeven/table", { base_currency: currency }), preview("/api/breakeven/preview", { base_currency: currency, ...changes })]);
  return { target, changes, before, after };
}

export function CopyLadderDialog({ currency, onClose }) {
  const [source, setSource] = useState(null);
  const [chosen, setChosen] = useState([]);
  const [plans, setPlans] = useState({});
  const [results, setResults] = useState({});
  const [phase, setPhase] = useState("idle");
  const others = [...state.coins.keys()].filter((name) => name !== currency);
  useEffect(() => {
    let gone = false;
    get("/api/trade/params", { base_currency: currency }).then((answer) => gone || setSource(answer), (error) => gone || setSource({ failed: error }));
    return () => { gone = true; };
  }, []);
  const keepPlan = (name, plan) => setPlans((before) => ({ ...before, [name]: plan }));
  const look = async (name) => {
    try {
      keepPlan(name, await planFor(name, source));
    } catch (failed) {
      if (!(failed instanceof Failed)) throw failed;
      keepPlan(name, { failed });
    }
  };
  const choose = (names) => {
    setChosen(names);
    names.filter((name) => !plans[name]).forEach(look);
  };
  const toggle = (name) => choose(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  const ready = chosen.filter((name) => plans[name]?.changes && Object.keys(plans[name].changes).length > 0 && !plans[name].after?.error && !results[name]);
  const waiting = chosen.some((name) => !plans[name]);
  const tell = (name, result) => setResults((before) => ({ ...before, [name]: result }));
  const copy = async () => {
    setPhase("sending");
    // One after the other: each coin's answer is known before the next one is asked.
    for (const name of ready) {
      tell(name, { phase: "sending" });
      try {
        await command("/api/trade/params", { base_currency: name, ...plans[name].changes }, newKey());
        tell(name, { phase: "done" });
      } catch (failed) {
        if (!(failed instanceof Failed)) throw failed;
        tell(name, { phase: failed.unknown ? "unknown" : "refused", failed });
      }
    }
    setPhase("idle");
  };
  const done = Object.keys(results).length > 0;
  return html`<${Dialog} title=${t("copy.title", { currency })} onClose=${onClose}
    foot=${html`<p>${t("copy.foot")}</p><button type="button" class="btn" data-safe onClick=${onClose}>${t(done && phase === "idle" ? "close" : "cancel")}</button>
      <${OrderButton} phase=${phase} label=${t("copy.do", { count: ready.length })} disabled=${!ready.length || waiting} why=${t(waiting ? "copy.looking" : "copy.nothing")} onPress=${copy} />`}>
    ${source?.failed && html`<p class="msg danger">${errorText(source.failed)}</p>`}
    ${source && !source.failed && html`
      <p class="note">${Object.keys(source.own).length ? t("copy.own", { values: Object.keys(source.own).map((name) => `${t(`param.${name}`)} ${shown(name, source.effective[name])}`).join(" · ") }) : t("copy.no_own", { currency })}</p>
      <div class="rowx"><button type="button" class="btn s" onClick=${() => choose(others)}>${t("copy.all", { count: others.length })}</button><button type="button" class="btn s" disabled=${!chosen.length} onClick=${() => choose([])}>${t("copy.none")}</button></div>
      <div class="scroll" tabindex="0"><table class="t copy" data-testid="copy"><thead><tr><th>${t("col.coin")}</th><th>${t("copy.changes")}</th><th class="r">${t("copy.cost", { quote: state.head.money.quote })}</th><th>${t("copy.result")}</th></tr></thead>
        <tbody>${others.map((name) => html`<${Target} key=${name} name=${name} chosen=${chosen.includes(name)} plan=${plans[name]} result=${results[name]} toggle=${toggle} busy=${phase === "sending"} />`)}</tbody></table></div>`}
  <//>`;
}

const fieldOf = (name) => ALL_FIELDS.find((field) => field.name === name) ?? { name };
const shown = (name, value) => spelled(fieldOf(name), value);

function Target({ name, chosen, plan, result, toggle, busy }) {
  const coin = state.coins.get(name);
  const entries = Object.entries(plan?.changes ?? {});
  const trades = plan?.after && !plan.after.error && coin && isActive(coin) ? tradesAtOnce(plan.after, coin) : null;
  return html`<tr>
    <td><label class="pick"><input type="checkbox" checked=${chosen} disabled=${busy} onChange=${() => toggle(name)} /> ${name}</label></td>
    <td class="what">${!chosen ? "" : !plan ? html`<span class="faint">${t("copy.looking")}</span>` : plan.failed ? html`<span class="warn">${errorText(plan.failed)}</span>` : !entries.length ? html`<span class="faint">${t("copy.same")}</span>`
      : html`${entries.map(([field, value]) => html`<div key=${field}>${t(`param.${field}`)} <span class="muted">${shown(field, plan.target.effective[field])}</span> → <b>${value === null ? t("copy.to_common", { value: shown(field, plan.target.common[field]) }) : shown(field, value)}</b></div>`)}
        ${plan.after.error && html`<p class="warn">${t(`param.${plan.after.error.field}`)}: ${plan.after.error.message}</p>`}
        ${trades && html`<p class="danger">${t(trades)}</p>`}`}</td>
    <td class="r nw">${chosen && plan?.after && !plan.after.error ? html`<span class="muted">${number(plan.before.cost)}</span> → ${number(plan.after.cost)}` : ""}</td>
    <td role="status">${result && html`<span class=${{ done: "gain", refused: "danger", unknown: "danger", sending: "muted" }[result.phase]}>${t(`copy.${result.phase}`)}</span>${result.failed && html` <span class="muted">${errorText(result.failed)}</span>`}`}</td>
  </tr>`;
}
