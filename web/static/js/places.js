/** Where the page is: #/coin/BTC/ladder, #/trades?symbol=BTC&side=sell. Pure, but for `go`. */
export function split(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").map(decodeURIComponent), query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a place with what is asked there; what is empty is left out. */
export function address(name, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== 0));
  return `#/${name}${asked.size ? `?${asked}` : ""}`;
}

/** Ask for something else at the same place: filters stand in the address, so that they can be kept and shared. */
export function go(name, query) {
  history.replaceState(null, "", address(name, query));
  dispatchEvent(new HashChangeEvent("hashchange"));
}
