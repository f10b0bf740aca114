/** Figures that carry a meaning: results with sign and glyph, ages, prices that flash when they move. */
import { html, useLayoutEffect, useRef } from "./lib.js";
import { useTicks } from "./hooks.js";
import { NOTHING, direction, exact, number, signed, signedPercent } from "./numbers.js";
import { priceAge } from "./store.js";
import { age } from "./times.js";

/** ▲ +1.72, ▼ −3.96, 0.00, –. Colour never stands alone. */
export function Result({ value, decimals = 2 }) {
  const way = direction(value, decimals);
  const text = signed(value, decimals);
  if (text === NOTHING || way === 0) return html`<span class="faint">${text}</span>`;
  return html`<span class=${way > 0 ? "gain" : "loss"} title=${exact(value)}>${way > 0 ? "▲" : "▼"} ${text}</span>`;
}

export const ResultPercent = ({ value, decimals = 2 }) => {
  const way = direction(value, decimals);
  return html`<span class=${way > 0 ? "gain" : way < 0 ? "loss" : "faint"}>${signedPercent(value, decimals)}</span>`;
};

const OLD_MS = 3000;

/** Seconds since the price was confirmed; amber once the engine would not trade on it. */
export function PriceAge({ currency, Tag = "small" }) {
  useTicks(500);
  const ms = priceAge(currency);
  return html`<${Tag} class=${ms === null || ms > OLD_MS ? "old" : ""}>${age(ms)}<//>`;
}

const FLASH_MS = 180, FLASH_APART_MS = 340;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * A price in the pair's precision; its background flashes when it moves, at most three times a second. Lit and dark
 * and nothing between: an animation would paint the page anew in every frame for as long as any price moves.
 */
export function Price({ value, precision, ...more }) {
  const cell = useRef(null);
  const last = useRef({ value, at: 0 });
  useLayoutEffect(() => {
    const before = last.current;
    if (before.value === value) return;
    const at = performance.now();
    last.current = { value, at: before.at };
    if (before.value == null || still.matches || document.hidden || at - before.at < FLASH_APART_MS) return;
    last.current.at = at;
    const { style } = cell.current;
    style.background = `color-mix(in srgb, var(${Number(value) > Number(before.value) ? "--gain" : "--loss"}) 28%, transparent)`;
    setTimeout(() => { style.background = ""; }, FLASH_MS);
  }, [value]);
  return html`<span class="tick" ref=${cell} ...${more}>${number(value, precision)}</span>`;
}
