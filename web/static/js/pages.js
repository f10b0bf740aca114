/**
 * A long table, newest first: the first page is asked again and again, older ones when wanted. Rows that have left the
 * first page meanwhile stay, so that nothing is missing between the pages.
 */
import { useEffect, useRef, useState } from "./lib.js";
import { Failed, get } from "./api.js";
import { useAnswer } from "./hooks.js";
import { sayError } from "./messages.js";

export function usePages(path, query, name, { everyMs, paused, signature }) {
  const { answer, failure } = useAnswer(path, query, { everyMs, paused, signature });
  const [, draw] = useState(0);
  const held = useRef({ asked: "", rows: [], more: false, from: null, loaded: false });
  const asked = JSON.stringify([path, query]);
  // The answer that is still here when the question changes is the old question's.
  if (held.current.asked !== asked) held.current = { asked, rows: [], more: false, from: answer, loaded: false };
  const kept = held.current;
  if (answer && kept.from !== answer) {
    const newest = answer[name];
    const fresh = new Set(newest.map((row) => row.id));
    const meets = kept.rows.some((row) => fresh.has(row.id));
    kept.rows = meets ? [...newest, ...kept.rows.filter((row) => !fresh.has(row.id))] : newest;
    if (!meets) kept.more = answer.next !== null;
    kept.from = answer;
    kept.loaded = true;
  }
  const [busy, setBusy] = useState(false);
  useEffect(() => setBusy(false), [asked]);
  const older = async () => {
    setBusy(true);
    try {
      const next = await get(path, { ...query, before: kept.rows.at(-1).id });
      const known = new Set(kept.rows.map((row) => row.id));
      kept.rows = [...kept.rows, ...next[name].filter((row) => !known.has(row.id))];
      kept.more = next.next !== null;
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      sayError(error);
    }
    setBusy(false);
    draw((count) => count + 1);
  };
  return { rows: kept.rows, loaded: kept.loaded, failure, more: kept.more, older, busy };
}
