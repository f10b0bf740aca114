/** Requests to the engine. A command carries a key of its own, so that a repeat of it is the same command. */
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

export const socketToken = () => meta("socket-token");

/** A refusal or a failure: `code` for the catalogues, `unknown` when it may have happened all the same. */
export class Failed extends Error {
  constructor({ code, message, field, values }, { status = 0, unknown = false } = {}) {
    super(message ?? code);
    Object.assign(this, { code, field, values: values ?? {}, status, unknown });
  }
}

let onSignedOut = () => {};
export const whenSignedOut = (tell) => { onSignedOut = tell; };

// Refused until the password was shown: asked for, then sent again.
let onConfirm = async () => false;
export const whenConfirming = (ask) => { onConfirm = ask; };
const CONFIRMS = new Set(["confirm", "password_needed"]);

async function answered(response) {
  const body = await response.json().catch(() => null);
  if (response.ok && body?.success) return body;
  if (response.status === 401) onSignedOut();
  throw new Failed(body?.error ?? { code: "no_answer", message: response.statusText }, { status: response.status });
}

export async function get(path, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  const address = asked.size ? `${path}?${asked}` : path;
  let response;
  try {
    response = await fetch(address, { headers: { Accept: "application/json" } });
  } catch {
    throw new Failed({ code: "no_connection" });
  }
  return answered(response);
}

const send = (path, body, headers = {}) =>
  fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": meta("csrf-token"), ...headers },
    body: JSON.stringify(body),
  });

/** Ask with a body; nothing changes. */
export async function preview(path, body) {
  try {
    return await answered(await send(path, body));
  } catch (error) {
    throw error instanceof Failed ? error : new Failed({ code: "no_connection" });
  }
}

export const newKey = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** Give a command. A lost answer is asked for again under the same key; when that fails too it is unknown. */
export async function command(path, body, key = newKey()) {
  try {
    return await commanded(path, body, key);
  } catch (error) {
    if (!CONFIRMS.has(error.code) || !(await onConfirm(error.code))) throw error;
    return commanded(path, body, key);
  }
}

async function commanded(path, body, key) {
  for (const pause of [400, 1500, 0]) {
    try {
      return await answered(await send(path, body, { "Idempotency-Key": key }));
    } catch (error) {
      if (error instanceof Failed) throw error;
      if (pause) await wait(pause);
    }
  }
  throw new Failed({ code: "no_connection" }, { unknown: true });
}
