/**
 * What a person can wish for from anywhere on the page. The safe direction is one click with an undo; what spends money
 * or leaves coins unattended asks first. `ask(dialog)` shows a dialog: {name, coin}.
 */
import { Failed, command } from "./api.js";
import { isActive } from "./coin_facts.js";
import { t } from "./i18n.js";
import { say, sayError } from "./messages.js";
import { state } from "./store.js";

const UNDO_MS = 10000;

/** Give a command and tell when it was refused; true when the engine has answered that it is done. */
export async function give(path, body) {
  try {
    await command(path, body);
    return true;
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    sayError(error);
    return false;
  }
}

export const setSwitch = (currency, mode) => give("/api/autotrader/switch", currency ? { base_currency: currency, mode } : { mode });

/** Set a switch to the safe side and offer the way back. */
async function setWithUndo(currency, mode, before, text) {
  if (!(await setSwitch(currency, mode))) return;
  say({ text, forMs: UNDO_MS, counts: true, action: { label: t("undo"), run: () => setSwitch(currency, before) } });
}

export function makeActions(ask) {
  const resume = (coin) => give("/api/autotrader/resume_cycle", { base_currency: coin.currency });
  return {
    ask,
    resume,
    pressSwitch(coin) {
      if (coin.paused) ask({ name: "modes", coin: coin.currency });
      else if (coin.switch === "off") ask({ name: "turn_on", coin: coin.currency });
      else if (coin.switch === "on" && !isActive(coin)) setWithUndo(coin.currency, "off", "on", t("said.off", { currency: coin.currency }));
      else ask({ name: "modes", coin: coin.currency });
    },
    pressGlobal() {
      ask({ name: "global_modes" });
    },
    stopBuys() {
      const before = state.head.global_switch;
      const count = [...state.coins.values()].filter((coin) => coin.switch !== "off").length;
      setWithUndo(null, "sell_only", before, t("said.stopped_buys", { count }));
    },
    async resumeBuys() {
      if (await setSwitch(null, "on")) say({ text: t("said.resumed") });
    },
    sellAll: () => ask({ name: "sell_all" }),
    resumeAccount: () => give("/api/autotrader/resume_cycle", {}),
    /** The button beside a reason. */
    offer(name, coin) {
      if (name === "resume") resume(coin);
      else if (name === "see_order") location.hash = "#/orders";
      else location.hash = `#/coin/${coin.currency}/${name === "choose" ? "cycle" : "ladder"}`;
    },
  };
}
