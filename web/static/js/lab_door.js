/** The way into the Lab: its words and its code are fetched when somebody opens it, not on the first visit. */
import { html, useEffect, useState } from "./lib.js";
import { loadPart, t } from "./i18n.js";

export function LabDoor() {
  const [Room, setRoom] = useState(null);
  const [failure, setFailure] = useState(null);
  const open = async () => {
    setFailure(null);
    try {
      const [{ LabPage }] = await Promise.all([import("./lab_page.js"), loadPart("lab")]);
      setRoom(() => LabPage);
    } catch (error) {
      setFailure(error);
    }
  };
  useEffect(() => { open(); }, []);
  if (Room) return html`<${Room} />`;
  if (!failure) return html`<div class="skel"></div>`;
  return html`<section class="box empty" role="alert"><h2>${t("lab_door.failed")}</h2><p>${t("lab_door.means")}</p>
    <p class="muted xs">${String(failure.message ?? failure)}</p>
    <button type="button" class="btn" onClick=${open}>${t("lab_door.retry")}</button></section>`;
}
