/**
 * Numbers for people. They arrive as exact text and are rounded on their digits, never through a float, so that a
 * threshold reads as the engine has it. Minus is U+2212; what is unknown is a dash, never 0.
 */
import { lang } from "./i18n.js";

const MINUS = "\u2212";
const NARROW = "\u202f";
export const NOTHING = "–";

const marks = () => (lang() === "ru" ? { group: NARROW, decimal: "," } : { group: ",", decimal: "." });

/** Digits of the number rounded half up, or null when it is none. */
export function rounded(value, decimals) {
  const text = typeof value === "number" ? value.toFixed(Math.min(decimals + 2, 20)) : value;
  const found = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text ?? "");
  if (!found) return null;
  const [, sign, whole, fraction = ""] = found;
  let scaled = BigInt(whole + fraction.padEnd(decimals, "0").slice(0, decimals));
  if ((fraction[decimals] ?? "0") >= "5") scaled += 1n;
  const digits = scaled.toString().padStart(decimals + 1, "0");
  const cut = digits.length - decimals;
  return { negative: sign === "-" && scaled !== 0n, zero: scaled === 0n, whole: digits.slice(0, cut), fraction: digits.slice(cut) };
}

const spelled = ({ whole, fraction }) => {
  const { group, decimal } = marks();
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  return fraction ? grouped + decimal + fraction : grouped;
};

export function number(value, decimals = 2) {
  const digits = rounded(value, decimals);
  if (!digits) return NOTHING;
  return (digits.negative ? MINUS : "") + spelled(digits);
}

export function signed(value, decimals = 2) {
  const digits = rounded(value, decimals);
  if (!digits) return NOTHING;
  if (digits.zero) return spelled(digits);
  return (digits.negative ? MINUS : "+") + spelled(digits);
}

const percentSign = `${NARROW}%`;
export const percent = (value, decimals = 2) => withUnit(number(value, decimals), percentSign);
export const signedPercent = (value, decimals = 2) => withUnit(signed(value, decimals), percentSign);
const withUnit = (text, unit) => (text === NOTHING ? text : text + unit);

/** As exact as it came, only spelled for this language: tooltips, echoes. */
export function exact(value) {
  if (value === null || value === undefined || value === "") return NOTHING;
  const text = String(value);
  return number(text, (text.split(".")[1] ?? "").length);
}

/** 1, 0 or -1, judged at the decimals that are shown. */
export function direction(value, decimals = 2) {
  const digits = rounded(value, decimals);
  if (!digits || digits.zero) return 0;
  return digits.negative ? -1 : 1;
}

/**
 * What a person typed, as plain text with a point, or null. Both decimal marks are taken; with two kinds of marks the
 * last one is the decimal. Whoever asks shows how it was read: "1,234" is the classic tenfold error.
 */
export function parsed(typed) {
  const text = typed.replace(/[\s\u00a0\u202f_']/g, "").replace(MINUS, "-");
  const commas = text.split(",").length - 1;
  const points = text.split(".").length - 1;
  let plain = text;
  if (commas && points) {
    const decimal = text.lastIndexOf(",") > text.lastIndexOf(".") ? "," : ".";
    if (text.split(decimal).length > 2) return null;
    plain = text.replaceAll(decimal === "," ? "." : ",", "").replace(decimal, ".");
  } else if (commas > 1 || points > 1) {
    if (!/^-?\d{1,3}([.,]\d{3})+$/.test(text)) return null;
    plain = text.replace(/[.,]/g, "");
  } else {
    plain = text.replace(",", ".");
  }
  if (!/^-?(\d+\.?\d*|\.\d+)$/.test(plain)) return null;
  const [whole, fraction = ""] = plain.split(".");
  const sign = whole.startsWith("-") ? "-" : "";
  const digits = whole.replace("-", "").replace(/^0+(?=\d)/, "") || "0";
  const kept = fraction.replace(/0+$/, "");
  return sign + digits + (kept ? `.${kept}` : "");
}

/** Bytes as megabytes. */
export const megabytes = (bytes) => (bytes === null || bytes === undefined ? NOTHING : `${number((bytes / 1e6).toFixed(1), 1)} MB`);
