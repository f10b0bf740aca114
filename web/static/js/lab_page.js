/** The Lab: what a ladder would have done to recorded candles. Nothing here trades; the work is done beside the engine. */
import { html, useState } from "./lib.js";
import { isReady } from "./coin_facts.js";
import { useAnswer } from "./hooks.js";
import { t } from "./i18n.js";
import { LabForm } from "./lab_form.js";
import { LabResult } from "./lab_result.js";
import { LabRuns, isOver } from "./lab_runs.js";
import { LabSweep } from "./lab_sweep.js";
import { errorText } from "./messages.js";
import { state } from "./store.js";

const SOON_MS = 700;
const LATER_MS = 10_000;
const BESIDE_MAX = 2;

export function LabPage() {
  const [soon, setSoon] = useState(true);
  const data = useAnswer("/api/lab/data", {}, { everyMs: soon ? SOON_MS : LATER_MS });
  const kept = useAnswer("/api/lab/runs", {}, { everyMs: soon ? SOON_MS : LATER_MS });
  const [chosen, setChosen] = useState(null);
  const [given, setGiven] = useState(null);
  const [beside, setBeside] = useState([]);
  const [searches, setSearches] = useState(0);
  if (!isReady(state.head)) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  const runs = kept.answer?.runs ?? [];
  const busy = Boolean(data.answer?.reading) || runs.some((run) => !isOver(run));
  if (busy !== soon && data.answer && kept.answer) setSoon(busy);
  const shown = runs.find((run) => run.id === chosen) ?? runs.find((run) => run.status === "done");
  const compare = (id) => setBeside(beside.includes(id) ? beside.filter((one) => one !== id) : [...beside, id].slice(-BESIDE_MAX));
  const take = (ladder) => { setGiven(ladder); document.getElementById("lab-form").scrollIntoView({ block: "start" }); };
  const begun = (id) => { setChosen(id); setSoon(true); kept.again(); };
  const open = (id) => { begun(id); document.getElementById("lab-shown").scrollIntoView({ block: "start" }); };
  return html`<h1 class="sr">${t("nav.lab")}</h1><div class="two bench">
    <div>${data.failure && html`<p class="msg warn">${errorText(data.failure)}</p>`}
      ${data.answer ? html`<${LabForm} data=${data.answer} given=${given} onBegun=${begun} onSearch=${() => setSearches(searches + 1)} />` : html`<section class="box card"><div class="skel"></div></section>`}
      <${LabRuns} runs=${runs} most=${kept.answer?.runs_max} shown=${shown} beside=${beside} onShow=${setChosen} onCompare=${compare} again=${kept.again} /></div>
    <div id="lab-shown">${shown ? html`<${LabResult} key=${shown.id} run=${shown} beside=${beside.filter((id) => id !== shown.id).map((id) => runs.find((run) => run.id === id)).filter(Boolean)} first=${!runs.some((run) => run.status === "done")} again=${kept.again} />`
      : html`<section class="box empty"><h2>${t("lab.none")}</h2><p>${t("lab.means")}</p></section>`}
      <${LabSweep} begun=${searches} onTake=${take} onRun=${open} /></div>
  </div>`;
}
