/**
 * The engine's socket as far as this page speaks it: events of Socket.IO 5 over Engine.IO 4, over a WebSocket. When it
 * is lost it is made again, sooner at first; one that has gone quiet for longer than the server promised is lost.
 */
const PATH = "/socket.io/?EIO=4&transport=websocket";
const OPEN = "0", PING = "2", PONG = "3", JOIN = "40", LEFT = "41", EVENT = "42", REFUSED = "44";
const SOONEST_MS = 500;
const LATEST_MS = 4000;

/** `on`: {joined(), event(name, value), lost()}. Returns {emit(name, value), end()}. */
export function wired(auth, on) {
  let socket = null, joined = false, ended = false, wait = SOONEST_MS, patience = 0, quiet = 0;
  const watch = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => socket.close(), patience);
  };
  const take = ({ data }) => {
    watch();
    if (data.startsWith(OPEN)) {
      const { pingInterval, pingTimeout } = JSON.parse(data.slice(1));
      patience = pingInterval + pingTimeout;
      socket.send(JOIN + JSON.stringify(auth));
    } else if (data === PING) socket.send(PONG);
    else if (data.startsWith(JOIN)) { joined = true; wait = SOONEST_MS; on.joined(); }
    else if (data.startsWith(EVENT)) on.event(...JSON.parse(data.slice(2)));
    else if (data.startsWith(LEFT) || data.startsWith(REFUSED)) socket.close();
  };
  const make = () => {
    patience = LATEST_MS * 5;
    socket = new WebSocket(location.origin.replace("http", "ws") + PATH);
    watch();
    socket.onmessage = take;
    socket.onclose = () => {
      clearTimeout(quiet);
      joined = false;
      on.lost();
      if (ended) return;
      // Not all pages at once, when the engine comes back.
      setTimeout(() => ended || make(), wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LATEST_MS);
    };
  };
  make();
  return {
    emit: (name, value) => { if (joined) socket.send(EVENT + JSON.stringify([name, value])); },
    end: () => { ended = true; socket.close(); },
  };
}
