/** Ladders kept under a name: load one into the form (nothing is applied by that), keep the form's, forget one. */
import { html, useState } from "./lib.js";
import { give } from "./actions.js";
import { useAnswer, useCommand } from "./hooks.js";
import { t } from "./i18n.js";
import { errorText, say } from "./messages.js";
import { OrderButton } from "./order_button.js";

const UNDO_MS = 10000;
const LONGEST = 40;

/** Those that came with the program have a name in each language. */
export const presetName = (name) => (/^(careful|balanced|eager)$/.test(name) ? t(`preset.${name}`) : name);

/** `params`: what the form shows; `load(values)` puts a kept ladder into it. */
export function LadderPresets({ params, load, coin, actions }) {
  const { answer, again } = useAnswer("/api/presets", {});
  const [chosen, setChosen] = useState("");
  const [name, setName] = useState("");
  const { phase, error, run, reset } = useCommand();
  const presets = answer?.presets ?? {};
  const names = Object.keys(presets);
  const picked = presets[chosen] ? chosen : "";
  const trimmed = name.trim().replace(/\s+/g, " ");
  const save = async () => {
    if (!(await run("/api/presets", { ...params, name: trimmed }))) return;
    setName("");
    setChosen(trimmed);
    again();
    say({ text: t("preset.saved", { name: trimmed }) });
  };
  const remove = async () => {
    const values = presets[picked], gone = picked;
    if (!(await give("/api/presets/delete", { name: gone }))) return;
    setChosen("");
    again();
    say({ text: t("preset.deleted", { name: gone }), forMs: UNDO_MS, counts: true, action: { label: t("undo"), run: async () => { await give("/api/presets", { ...values, name: gone }); again(); } } });
  };
  return html`<details class="more presets"><summary>${t("preset.title")}</summary>
    <div class="form">
      <div class="f full"><label for="preset">${t("preset.kept")}<em>${names.length || t("preset.none")}</em></label>
        <select id="preset" value=${picked} disabled=${!names.length} onChange=${(event) => setChosen(event.target.value)}><option value="">–</option>${names.map((one) => html`<option key=${one} value=${one} selected=${one === picked}>${presetName(one)}</option>`)}</select></div>
      <div class="f full acts"><button type="button" class="btn s" disabled=${!picked} title=${picked ? "" : t("preset.choose")} onClick=${() => load(presets[picked])}>${t("preset.load")}</button>
        <button type="button" class="btn s" disabled=${!picked} title=${picked ? "" : t("preset.choose")} onClick=${remove}>${t("preset.delete")}</button></div>
      <div class="f full"><label for="preset-name">${t("preset.name")}<em>${presets[trimmed] ? t("preset.replaces") : ""}</em></label><input id="preset-name" maxlength=${LONGEST} value=${name} autocomplete="off" onInput=${(event) => { reset(); setName(event.target.value); }} /></div>
      <div class="f full acts"><${OrderButton} phase=${phase} kind="s" label=${t("preset.save")} disabled=${!trimmed} why=${t("preset.name_first")} onPress=${save} />
        ${coin && actions && html`<button type="button" class="btn s" onClick=${() => actions.ask({ name: "copy_ladder", coin: coin.currency })}>${t("copy.open")}</button>`}</div>
    </div>
    ${phase === "refused" && html`<p class="msg danger" role="alert">${errorText(error)}</p>`}
    <p class="note">${t("preset.means")}</p>
  </details>`;
}
