/** The socket: a snapshot when it connects, then changes. It only listens; commands go over HTTP. */
import { io } from "../vendor/socket.io-client-4.8.4/socket.io.esm.min.js";
import { get, socketToken, whenSignedOut } from "./api.js";
import { changed, state, take } from "./store.js";

const AGAIN_MS = 1500;

export function connect(onNews) {
  const socket = io({ auth: { token: socketToken() }, transports: ["websocket", "polling"], reconnectionDelayMax: 4000 });
  const pace = () => socket.emit("pace", { hidden: document.hidden });

  const accept = (told, whole) => {
    state.connected = true;
    take(told, { whole });
    told.news.forEach(onNews);
  };
  const lost = () => {
    if (!state.connected) return;
    state.connected = false;
    state.lostAt = Date.now();
    changed();
  };
  /** Ask over HTTP, where a 401 ends in `whenSignedOut`; then try again where the library does not by itself. */
  const again = async () => {
    if (state.signedOut) return;
    await get("/api/symbols").catch(() => null);
    if (!socket.active && !state.signedOut) setTimeout(() => socket.connect(), AGAIN_MS);
  };

  socket.on("connect", pace);
  socket.on("snapshot", (told) => accept(told, true));
  socket.on("changes", (told) => {
    if (told.base !== state.version) socket.emit("again");
    else accept(told, false);
  });
  socket.on("disconnect", () => { lost(); again(); });
  socket.on("connect_error", () => { lost(); again(); });
  document.addEventListener("visibilitychange", pace);
  whenSignedOut(() => {
    state.signedOut = true;
    socket.disconnect();
    changed();
  });
}
