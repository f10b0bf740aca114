/** Small truths about a coin that several components need. Pure. */
export const isActive = (coin) => coin.state === "ACTIVE";

/** on, off, or mixed: allowed only in part, or paused. */
export const switchLook = (coin) => {
  if (coin.paused) return "mixed";
  if (coin.switch === "on") return "true";
  return coin.switch === "off" ? "false" : "mixed";
};

/** The price a person sees: the last trade's, else the middle the bid stands for. */
export const shownPrice = (coin) => coin.last ?? coin.bid;

export const isDark = (coin) => coin.switch === "off" && !isActive(coin) && !coin.order;

/** The engine is far enough along to be asked. */
export const isReady = (head) => head !== null && head.money !== undefined && head.phase !== "new" && head.phase !== "starting";
