/**
 * A dialog below the mode and emergency bars, which stay usable above it. Everything else is inert; Escape and the veil
 * mean no; the safe button has the focus.
 */
import { html, useLayoutEffect, useRef } from "./lib.js";

export function Dialog({ title, badge, side, children, foot, onClose, narrow = false, id = "dialog-title" }) {
  const frame = useRef(null);
  const close = useRef(onClose);
  close.current = onClose;
  // At once: a key pressed before the next frame is the dialog's already.
  useLayoutEffect(() => {
    const before = document.activeElement;
    const behind = [...document.querySelectorAll("main, .truth")];
    behind.forEach((one) => { one.inert = true; });
    frame.current.querySelector("[data-safe]")?.focus();
    const press = (event) => { if (event.key === "Escape") close.current(); };
    addEventListener("keydown", press);
    return () => {
      removeEventListener("keydown", press);
      behind.forEach((one) => { one.inert = false; });
      before?.focus?.();
    };
  }, []);
  return html`<div class="veil" onMouseDown=${(event) => event.target === event.currentTarget && onClose()}>
    <div class=${`dlg${narrow ? " narrow" : ""}`} role="dialog" aria-modal="true" aria-labelledby=${id} ref=${frame}>
      <div class="head"><h2 id=${id}>${title}</h2>${badge}<span class="muted xs push">${side}</span></div>
      <div class="body" tabindex="0">${children}</div>
      <div class="feet">${foot}</div>
    </div>
  </div>`;
}
