/** State badge: glyph and word, in the tone of the reason. */
import { html } from "./lib.js";
import { Icon } from "./icons.js";

export const Badge = ({ glyph, word, tone }) => html`<span class=${`st ${tone}`}><${Icon} name=${glyph} />${word}</span>`;
