/** Small hooks that several components share. */
import { useCallback, useEffect, useRef, useState } from "./lib.js";
import { Failed, command, get, newKey } from "./api.js";
import { subscribe } from "./store.js";

/** Draw again when the store changed. */
export function useStore() {
  const [, draw] = useState(0);
  useEffect(() => subscribe(() => draw((count) => count + 1)), []);
}

const beats = new Map();

/** Draw again every so often while the page is visible: ages and countdowns. All of one pace are drawn at once. */
export function useTicks(everyMs) {
  const [, draw] = useState(0);
  useEffect(() => {
    if (!beats.has(everyMs)) {
      beats.set(everyMs, new Set());
      setInterval(() => document.hidden || beats.get(everyMs).forEach((next) => next((count) => count + 1)), everyMs);
    }
    beats.get(everyMs).add(draw);
    return () => beats.get(everyMs).delete(draw);
  }, [everyMs]);
}

/** What `GET path` answers; asked again when `signature` changes and, if given, every so often. */
export function useAnswer(path, query, { signature = "", everyMs = 0, paused = false } = {}) {
  const [answer, setAnswer] = useState(null);
  const [failure, setFailure] = useState(null);
  const asked = JSON.stringify([path, query]);
  const latest = useRef(0);
  const ask = useCallback(async () => {
    const turn = ++latest.current;
    try {
      const body = await get(path, query);
      if (turn === latest.current) { setAnswer(body); setFailure(null); }
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      if (turn === latest.current) setFailure(error);
    }
  }, [asked]);
  useEffect(() => { setAnswer(null); return () => { latest.current += 1; }; }, [asked]);
  useEffect(() => { if (!paused) ask(); }, [asked, signature, paused]);
  useEffect(() => {
    if (!everyMs || paused) return undefined;
    const timer = setInterval(() => document.hidden || ask(), everyMs);
    return () => clearInterval(timer);
  }, [asked, everyMs, paused]);
  return { answer, failure, again: ask };
}

/**
 * One command at a time, with what becomes of it: `phase` is idle, sending, done, refused or unknown. Never optimistic:
 * `done` means that the engine has answered. A second press while one is out does nothing.
 */
export function useCommand() {
  const [state, setState] = useState({ phase: "idle", answer: null, error: null });
  const out = useRef(false);
  const alive = useRef(true);
  useEffect(() => () => { alive.current = false; }, []);
  const tell = (next) => { if (alive.current) setState(next); };
  const run = useCallback(async (path, body) => {
    if (out.current) return null;
    out.current = true;
    tell({ phase: "sending", answer: null, error: null });
    try {
      const answer = await command(path, body, newKey());
      tell({ phase: "done", answer, error: null });
      return answer;
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      tell({ phase: error.unknown ? "unknown" : "refused", answer: null, error });
      return null;
    } finally {
      out.current = false;
    }
  }, []);
  const reset = useCallback(() => tell({ phase: "idle", answer: null, error: null }), []);
  return { ...state, run, reset };
}

/** Calls `act` when the value has rested for a while. */
export function useRested(value, restMs, act) {
  const written = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => act(value), restMs);
    return () => clearTimeout(timer);
  }, [written]);
}
