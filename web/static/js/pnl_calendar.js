/** A month of results by day, in the person's own days. A day opens its fills; sign and number stand in each. */
import { html } from "./lib.js";
import { before, bordersOf, dayName, longDay, monthName, monthOf, monthsOn, nextDay, weekOf, weekdays, zone } from "./days.js";
import { Result } from "./figures.js";
import { useAnswer } from "./hooks.js";
import { t } from "./i18n.js";
import { direction, exact, signed } from "./numbers.js";
import { address } from "./places.js";
import { utc } from "./times.js";

/** Exact sum of decimal texts: money is never added as floats. */
export function sum(texts) {
  const decimals = Math.max(0, ...texts.map((text) => (text.split(".")[1] ?? "").length));
  const scaled = texts.reduce((total, text) => {
    const [whole, fraction = ""] = text.replace("-", "").split(".");
    const digits = BigInt(whole + fraction.padEnd(decimals, "0"));
    return total + (text.startsWith("-") ? -digits : digits);
  }, 0n);
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(decimals + 1, "0");
  const cut = digits.length - decimals;
  return `${scaled < 0n ? "-" : ""}${digits.slice(0, cut)}${decimals ? `.${digits.slice(cut)}` : ""}`;
}

export function PnlCalendar({ month, today, first, signature, onMonth }) {
  const borders = bordersOf(month);
  const { answer } = useAnswer("/api/calendar", { borders: borders.join(",") }, { signature });
  const days = answer?.days ?? [];
  const largest = Math.max(0, ...days.map((day) => Math.abs(Number(day.result))));
  const earliest = monthOf(first ?? today);
  return html`<section class="box card" id="calendar"><header><h2 aria-live="polite">${monthName(month)}</h2>${days.length > 0 && html`<p><${Result} value=${sum(days.map((day) => day.result))} /></p>`}
      <span class="push nw"><button type="button" class="btn s" aria-label=${t("dash.month_before")} title=${t("dash.month_before")} disabled=${month <= earliest} onClick=${() => onMonth(monthsOn(month, -1))}>‹</button> <button type="button" class="btn s" aria-label=${t("dash.month_after")} title=${t("dash.month_after")} disabled=${monthsOn(month, 1) > today} onClick=${() => onMonth(monthsOn(month, 1))}>›</button></span></header>
    <div class="cal">${weekdays().map((name) => html`<span key=${name}>${name}</span>`)}
      ${[...Array(before(month)).keys()].map((at) => html`<span key=${`before ${at}`}></span>`)}
      ${borders.slice(0, -1).map((since, at) => html`<${Day} key=${since} since=${since} number=${at + 1} told=${days[at]} today=${today} largest=${largest} />`)}</div>
    <${Weeks} days=${days.filter((day) => day.since_ms <= today)} />
    <p class="note">${t("dash.calendar_note", { zone: zone(month) })}</p>
  </section>`;
}

/** The same days by week; a week opens its fills. */
function Weeks({ days }) {
  const byWeek = new Map();
  for (const day of days) byWeek.set(weekOf(day.since_ms), [...(byWeek.get(weekOf(day.since_ms)) ?? []), day]);
  const weeks = [...byWeek.values()];
  return html`<details class="more"><summary>${t("dash.weeks")}</summary><dl class="kv">${weeks.map((week) => html`<dt key=${week[0].since_ms}><a href=${address("trades", { since_ms: week[0].since_ms, until_ms: week.at(-1).until_ms })}>${dayName(week[0].since_ms)} – ${dayName(week.at(-1).since_ms)}</a> <span class="faint">${t("dash.cycles", { count: week.reduce((count, day) => count + day.cycles, 0) })}</span></dt><dd><${Result} value=${sum(week.map((day) => day.result))} /></dd>`)}</dl></details>`;
}

/** What has room in the cell of a day: a decimal less for each digit beyond two. */
export const short = (value, decimals) => signed(value, Math.max(0, Math.min(decimals, decimals + 2 - /\d+/.exec(value)[0].length)));

function Day({ since, number, told, today, largest }) {
  if (since > today) return html`<span class="day void">${number}</span>`;
  if (!told?.fills && since !== today) return html`<span class="day quiet">${number}</span>`;
  const value = told?.result ?? "0";
  const way = direction(value);
  const strength = way && largest ? 14 + Math.round((Math.abs(Number(value)) / largest) * 30) : 0;
  const look = { background: `color-mix(in srgb, var(${way < 0 ? "--loss" : "--gain"}) ${strength}%, var(--raised))` };
  const label = `${longDay(since)}: ${exact(value)}, ${t("dash.cycles", { count: told?.cycles ?? 0 })}, ${t("dash.fills", { count: told?.fills ?? 0 })}`;
  return html`<a class=${`day${since === today ? " today" : ""}`} href=${address("trades", { since_ms: since, until_ms: nextDay(since) })} style=${look} title=${`${label}\n${utc(since)}`}>${number}<b class="desk">${way ? short(value, 2) : ""}</b><b class="phone">${way ? short(value, 1) : ""}</b></a>`;
}
