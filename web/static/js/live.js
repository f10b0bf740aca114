/** The socket: a snapshot when it connects, then changes. It only listens; commands go over HTTP. */
import { get, socketToken, whenSignedOut } from "./api.js";
import { changed, state, take } from "./store.js";
import { wired } from "./wire.js";

let sight = null, told = () => {};
/** Which coins' rows are drawn: of these every price is told at once, of others in turn. null: any may be. */
export function inSight(names) {
  if (String(names) === String(sight)) return;
  sight = names;
  told();
}

export function connect(onNews) {
  const accept = (told, whole) => {
    state.connected = true;
    take(told, { whole });
    told.news.forEach(onNews);
  };
  const heard = {
    snapshot: (told) => accept(told, true),
    changes: (told) => {
      if (told.base !== state.version) wire.emit("again");
      else accept(told, false);
    },
  };
  const pace = told = () => wire.emit("pace", { hidden: document.hidden, sight });
  const wire = wired({ token: socketToken() }, {
    joined: pace,
    event: (name, told) => heard[name]?.(told),
    lost() {
      if (state.connected) {
        state.connected = false;
        state.lostAt = Date.now();
        changed();
      }
      // Ask over HTTP, where a 401 ends in `whenSignedOut`.
      if (!state.signedOut) get("/api/symbols").catch(() => null);
    },
  });
  document.addEventListener("visibilitychange", pace);
  whenSignedOut(() => {
    state.signedOut = true;
    wire.end();
    changed();
  });
}
