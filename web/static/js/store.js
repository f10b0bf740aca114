/** What the page knows: the last snapshot, kept up to date by the socket, and who wants to hear of changes. */
const listeners = new Set();

export const state = {
  head: null, // money, truth, mode: everything of the overview but the coins
  coins: new Map(),
  ages: new Map(), // currency -> local time at which its price was confirmed
  version: 0,
  connected: false,
  lostAt: 0,
  signedOut: false,
  clockOffset: 0, // engine's time minus this browser's
};

export const subscribe = (listener) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const changed = () => listeners.forEach((listener) => listener());

/** The engine's time now, as far as this browser can tell. */
export const now = () => Date.now() + state.clockOffset;

/** `coins` are whole, `changes` the fields of a known coin that became others; with `every_age` what has none is gone. */
export function take({ head, coins, changes, ages, every_age, version }, { whole }) {
  if (whole) state.coins = new Map();
  for (const coin of coins) state.coins.set(coin.currency, coin);
  for (const change of changes) state.coins.set(change.currency, { ...state.coins.get(change.currency), ...change });
  if (every_age) for (const name of state.coins.keys()) if (!(name in ages)) state.coins.delete(name);
  const here = Date.now();
  for (const name in ages) state.ages.set(name, ages[name] === null ? null : here - ages[name]);
  state.head = head;
  state.version = version;
  state.clockOffset = head.time_ms - here;
  changed();
}

/** Milliseconds since the coin's price was confirmed, or null. */
export const priceAge = (currency) => {
  const confirmed = state.ages.get(currency);
  return confirmed === null || confirmed === undefined ? null : Date.now() - confirmed;
};
