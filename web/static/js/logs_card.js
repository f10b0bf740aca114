/** The newest log lines, live: newest last, by coin and level. What is read is kept still while somebody scrolls up. */
import { html, useEffect, useRef, useState } from "./lib.js";
import { get } from "./api.js";
import { t } from "./i18n.js";
import { errorText } from "./messages.js";
import { state } from "./store.js";
import { clock, utc } from "./times.js";

const LEVELS = ["debug", "info", "warning", "error"];
const EVERY_MS = 2000;
const SHOWN = 400;
const TONES = { warning: "warn", error: "danger", critical: "danger fill" };

/** Lines so far, asked for anew when the filter changes; then only what is later. */
function useLines(currency, level) {
  const [lines, setLines] = useState([]);
  const [failure, setFailure] = useState(null);
  useEffect(() => {
    let stopped = false;
    let known = [];
    const ask = async () => {
      if (stopped || document.hidden) return;
      try {
        const fresh = (await get("/api/logs", { base_currency: currency, level, after: known.at(-1)?.seq ?? 0, limit: SHOWN })).lines;
        if (stopped) return;
        if (fresh.length) setLines(known = [...known, ...fresh].slice(-SHOWN));
        setFailure(null);
      } catch (error) {
        if (!stopped) setFailure(error);
      }
    };
    setLines([]);
    ask();
    const timer = setInterval(ask, EVERY_MS);
    return () => { stopped = true; clearInterval(timer); };
  }, [currency, level]);
  return { lines, failure };
}

export function LogsCard() {
  const [currency, setCurrency] = useState("");
  const [level, setLevel] = useState("info");
  const { lines, failure } = useLines(currency, level);
  const frame = useRef(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (atEnd.current && frame.current) frame.current.scrollTop = frame.current.scrollHeight;
  }, [lines]);
  const scrolled = ({ target }) => { atEnd.current = target.scrollHeight - target.scrollTop - target.clientHeight < 40; };
  return html`<section class="box card logs" id="logs"><header><h2>${t("logs.title")}</h2><p>${t("logs.means")}</p>
      <span class="push rowx"><label class="sr" for="logs-coin">${t("logs.coin")}</label><select id="logs-coin" value=${currency} onChange=${(event) => setCurrency(event.target.value)}>
        <option value="">${t("logs.all_coins")}</option>${[...state.coins.keys()].map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select>
      <label class="sr" for="logs-level">${t("logs.level")}</label><select id="logs-level" value=${level} onChange=${(event) => setLevel(event.target.value)}>${LEVELS.map((name) => html`<option key=${name} value=${name}>${t(`logs.from_${name}`)}</option>`)}</select></span></header>
    ${failure && html`<p class="msg warn">${errorText(failure)}</p>`}
    <div class="lines" ref=${frame} onScroll=${scrolled} tabindex="0" role="log" aria-label=${t("logs.title")}>
      ${!failure && !lines.length && html`<p class="muted">${t("logs.none")}</p>`}
      <ol>${lines.map((line) => html`<${Line} key=${line.seq} line=${line} />`)}</ol>
    </div>
  </section>`;
}

function Line({ line }) {
  const ms = Date.parse(line.time);
  const values = Object.entries(line.values);
  return html`<li><time title=${utc(ms)}>${clock(ms)}</time><span class=${`st ${TONES[line.level] ?? "q"}`}>${line.level}</span><b>${line.currency ?? ""}</b>
    <span class="text" dir="auto">${line.text}${values.map(([name, value]) => html` <span key=${name} class=${name === "exception" ? "trace" : "muted"}>${name}=${value}</span>`)}</span></li>`;
}
