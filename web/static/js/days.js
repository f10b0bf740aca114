/** Days of the person's own zone, as moments: midnights, weeks from Monday, months. Days of 23 or 25 hours are theirs. */
import { lang } from "./i18n.js";

const spelling = () => (lang() === "en" ? "en-GB" : lang());

export const dayOf = (ms) => { const day = new Date(ms); day.setHours(0, 0, 0, 0); return day.getTime(); };
export const weekOf = (ms) => { const day = new Date(dayOf(ms)); day.setDate(day.getDate() - ((day.getDay() + 6) % 7)); return day.getTime(); };
export const monthOf = (ms) => { const day = new Date(dayOf(ms)); day.setDate(1); return day.getTime(); };
export const nextDay = (ms) => { const day = new Date(ms); day.setDate(day.getDate() + 1); return dayOf(day.getTime()); };
export const monthsOn = (ms, count) => { const day = new Date(monthOf(ms)); day.setMonth(day.getMonth() + count); return day.getTime(); };

/** Midnights of a month's days and of the day after its last. */
export function bordersOf(month) {
  const borders = [];
  const end = monthsOn(month, 1);
  for (let day = month; day <= end; day = nextDay(day)) borders.push(day);
  return borders;
}

/** How many cells stand before a month's first day in a week that begins on Monday. */
export const before = (month) => (new Date(month).getDay() + 6) % 7;

export const monthName = (ms, year = true) => {
  // Without the words that some languages put beside a year.
  const parts = new Intl.DateTimeFormat(spelling(), year ? { month: "long", year: "numeric" } : { month: "long" }).formatToParts(ms);
  const name = parts.filter(({ type }) => type === "month" || type === "year").map(({ value }) => value).join(" ");
  return name.charAt(0).toUpperCase() + name.slice(1);
};
export const weekdays = () => [...Array(7).keys()].map((at) => new Intl.DateTimeFormat(spelling(), { weekday: "short" }).format(new Date(2024, 0, 1 + at)));
export const dayName = (ms) => new Intl.DateTimeFormat(spelling(), { day: "numeric", month: "short" }).format(ms);
export const longDay = (ms) => new Intl.DateTimeFormat(spelling(), { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(ms);
export const hourName = (ms) => new Intl.DateTimeFormat(spelling(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);

/** UTC+3, UTC−4:30: the person's zone at that moment. */
export function zone(ms = Date.now()) {
  const minutes = -new Date(ms).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "\u2212" : "+"}${Math.floor(size / 60)}${size % 60 ? `:${String(size % 60).padStart(2, "0")}` : ""}`;
}

/** 2026-11-21 in a date field, and back to that day's midnight. */
export const fieldOf = (ms) => { if (!ms) return ""; const day = new Date(ms); return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}-${String(day.getDate()).padStart(2, "0")}`; };
export const fromField = (text) => { const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text); return found ? new Date(Number(found[1]), Number(found[2]) - 1, Number(found[3])).getTime() : 0; };
