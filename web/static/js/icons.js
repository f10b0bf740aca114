/** Glyphs, 16 by 16, drawn in the colour of the text beside them. */
import { html } from "./lib.js";

const SHAPES = {
  unknown: html`<circle cx="8" cy="8" r="6.3" /><path d="M6.2 6.3A1.9 1.9 0 1 1 8 8.6M8 11.4v.1" />`,
  look: html`<path d="M8 1.8 14.6 13.6H1.4ZM8 6.3v3.4M8 11.7v.1" />`,
  pause: html`<path d="M5.5 3.5v9M10.5 3.5v9" />`,
  coins: html`<rect x="2.5" y="4.5" width="11" height="8.5" rx="1.5" /><path d="M5.5 4.5V2.8h5v1.7M2.5 8.2h11" />`,
  stale: html`<path d="M2 5.8a9 9 0 0 1 12 0M4.3 8.6a5.6 5.6 0 0 1 7.4 0M8 12v.1M2.5 13.5 13.5 2" />`,
  go: html`<path d="M2.5 8h10M8.5 4l4 4-4 4" />`,
  near: html`<path d="M3 13 13 3M7 3h6v6" />`,
  wait: html`<circle cx="8" cy="8" r="6" /><path d="M8 4.8V8l2.2 1.6" />`,
  steps: html`<path d="M2 3.5h4v4h4v4h4" />`,
  off: html`<circle cx="8" cy="8" r="5.8" /><path d="M4 12 12 4" />`,
  done: html`<path d="m3 8.6 3.2 3.2L13 4.6" />`,
  stop: html`<path d="M5.2 2h5.6L14 5.2v5.6L10.8 14H5.2L2 10.8V5.2Z" />`,
  find: html`<circle cx="7" cy="7" r="4.6" /><path d="m10.6 10.6 3.2 3.2" />`,
  eye: html`<path d="M1.5 8S4 3.6 8 3.6 14.5 8 14.5 8 12 12.4 8 12.4 1.5 8 1.5 8Z" /><circle cx="8" cy="8" r="2" />`,
  sun: html`<circle cx="8" cy="8" r="3.2" /><path d="M8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M3.2 12.8l1.1-1.1M11.7 4.3l1.1-1.1" />`,
  close: html`<path d="m3.5 3.5 9 9M12.5 3.5l-9 9" />`,
};

export const Icon = ({ name }) => html`<svg class="ic" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[name]}</svg>`;
