/** The page: where it is, what is shown there, and the dialog above it. */
import { html, render, useEffect, useMemo, useState } from "./lib.js";
import { makeActions } from "./actions.js";
import { Banners } from "./banners.js";
import { CoinPage } from "./coin_page.js";
import { CoinsPage } from "./coins_page.js";
import { ConfirmDialog } from "./confirm_dialog.js";
import { CopyLadderDialog } from "./copy_ladder_dialog.js";
import { DecisionsPage } from "./decisions_page.js";
import { DashboardPage } from "./dashboard_page.js";
import { EmergencyBar } from "./emergency_bar.js";
import { useStore } from "./hooks.js";
import { loadLanguage, t } from "./i18n.js";
import { LabDoor } from "./lab_door.js";
import { connect } from "./live.js";
import { Messages, sayNews } from "./messages.js";
import { GlobalModesDialog, ModesDialog } from "./modes_dialog.js";
import { OrdersPage } from "./orders_page.js";
import { PasswordDialog } from "./password_dialog.js";
import { RecordPage } from "./record_page.js";
import { SellAllDialog } from "./sell_all_dialog.js";
import { split } from "./places.js";
import { SettingsPage } from "./settings_page.js";
import { state } from "./store.js";
import { SymbolSwitcher } from "./symbol_switcher.js";
import { SymbolsPage } from "./symbols_page.js";
import { SystemPage } from "./system_page.js";
import { TopBar } from "./top_bar.js";
import { TradesPage } from "./trades_page.js";
import { TruthLine } from "./truth_line.js";
import { TurnOnDialog } from "./turn_on_dialog.js";

const PLACES = new Set(["coins", "dashboard", "trades", "orders", "decisions", "record", "lab", "symbols", "settings", "system"]);

/** #/coin/BTC/ladder, #/trades: pure. */
export function placeOf(hash) {
  const { parts: [name, currency, part], query } = split(hash);
  if (name === "coin" && currency) return { name, currency, part: part ?? null };
  return { name: PLACES.has(name) ? name : "coins", query };
}

function usePlace() {
  const [place, setPlace] = useState(placeOf(location.hash));
  useEffect(() => {
    const moved = () => {
      const next = placeOf(location.hash);
      setPlace((before) => {
        if (before.name !== next.name || before.currency !== next.currency) scrollTo(0, 0);
        return next;
      });
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

function Page() {
  useStore();
  const place = usePlace();
  const [dialog, setDialog] = useState(null);
  const actions = useMemo(() => makeActions(setDialog), []);
  const close = () => setDialog(null);
  const known = dialog && (!dialog.coin || state.coins.has(dialog.coin));
  return html`
    <${TopBar} place=${place} />
    <${TruthLine} />
    <main>
      <${Banners} actions=${actions} place=${place.name} />
      ${state.head === null && html`<div class="box card"><p class="muted">${t("connecting")}</p><div class="skel"></div></div>`}
      ${state.head !== null && place.name === "coins" && html`<${CoinsPage} actions=${actions} />`}
      ${state.head !== null && place.name === "coin" && html`<${CoinPage} key=${place.currency} currency=${place.currency} part=${place.part} actions=${actions} />`}
      ${state.head !== null && place.name === "dashboard" && html`<${DashboardPage} />`}
      ${state.head !== null && place.name === "trades" && html`<${TradesPage} query=${place.query} />`}
      ${state.head !== null && place.name === "orders" && html`<${OrdersPage} query=${place.query} />`}
      ${state.head !== null && place.name === "decisions" && html`<${DecisionsPage} query=${place.query} />`}
      ${state.head !== null && place.name === "record" && html`<${RecordPage} query=${place.query} />`}
      ${state.head !== null && place.name === "lab" && html`<${LabDoor} />`}
      ${state.head !== null && place.name === "symbols" && html`<${SymbolsPage} actions=${actions} />`}
      ${state.head !== null && place.name === "settings" && html`<${SettingsPage} />`}
      ${place.name === "system" && html`<${SystemPage} />`}
    </main>
    ${known && dialog.name === "turn_on" && html`<${TurnOnDialog} currency=${dialog.coin} onClose=${close} />`}
    ${known && dialog.name === "modes" && html`<${ModesDialog} currency=${dialog.coin} actions=${actions} onClose=${close} />`}
    ${known && dialog.name === "copy_ladder" && html`<${CopyLadderDialog} currency=${dialog.coin} onClose=${close} />`}
    ${known && dialog.name === "confirm" && html`<${ConfirmDialog} coin=${state.coins.get(dialog.coin)} ...${dialog.props} onClose=${close} />`}
    ${known && dialog.name === "global_modes" && html`<${GlobalModesDialog} onClose=${close} />`}
    ${known && dialog.name === "sell_all" && html`<${SellAllDialog} onClose=${close} />`}
    <${SymbolSwitcher} place=${place} />
    <${PasswordDialog} />
    <${Messages} />
    <${EmergencyBar} actions=${actions} />`;
}

await loadLanguage();
const root = document.getElementById("app");
root.replaceChildren();
render(html`<${Page} />`, root);
connect(sayNews);
