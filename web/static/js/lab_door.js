/** The way into the Lab: its words and its code are fetched when somebody opens it, not on the first visit. */
import { html, useEffect, useState } from "./lib.js";
import { loadPart } from "./i18n.js";

export function LabDoor() {
  const [Room, setRoom] = useState(null);
  useEffect(() => { Promise.all([import("./lab_page.js"), loadPart("lab")]).then(([{ LabPage }]) => setRoom(() => LabPage)); }, []);
  return Room ? html`<${Room} />` : html`<div class="skel"></div>`;
}
