/** Ages, spans and moments, in the person's zone; UTC stands in the tooltip. */
import { lang, t } from "./i18n.js";
import { NOTHING, number } from "./numbers.js";

/** 0.4 s, 11 s, 3 min, 5 h, 2 d. */
export function age(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return NOTHING;
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return t("age.s", { n: number(seconds.toFixed(1), 1) });
  if (seconds < 120) return t("age.s", { n: String(Math.floor(seconds)) });
  if (seconds < 7200) return t("age.min", { n: String(Math.floor(seconds / 60)) });
  if (seconds < 172800) return t("age.h", { n: String(Math.floor(seconds / 3600)) });
  return t("age.d", { n: String(Math.floor(seconds / 86400)) });
}

/** 5 min, 2 h, 1 d: how long a candle is. */
export const length = (ms) => { const [unit, of] = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]].find(([, size]) => ms % size === 0); return t(`age.${unit}`, { n: String(ms / of) }); };

/** 6 h 11 min: how long a cycle lasted. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return t("age.s", { n: String(seconds) });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return t("age.min", { n: String(minutes) });
  const hours = t("age.h", { n: String(Math.floor(minutes / 60)) });
  return `${hours} ${t("age.min", { n: String(minutes % 60) })}`;
}

/** The same, and from two days on in days: 225.4 d. */
export const longSpan = (ms) => (ms < 172_800_000 ? span(ms) : t("age.d", { n: number((ms / 86_400_000).toFixed(1), 1) }));

/** English with the day before the month, as the rest of the world writes it. */
const spelling = () => (lang() === "en" ? "en-GB" : lang());
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const DAY = { day: "2-digit", month: "short" };

export const clock = (ms) => new Intl.DateTimeFormat(spelling(), CLOCK).format(ms);
export const shortClock = (ms) => new Intl.DateTimeFormat(spelling(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);
export const moment = (ms) => (ms ? `${new Intl.DateTimeFormat(spelling(), DAY).format(ms)} ${clock(ms)}` : NOTHING);
export const utc = (ms) => (ms ? `${new Date(ms).toISOString().replace("T", " ").slice(0, 19)} UTC` : "");
