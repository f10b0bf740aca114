/** The common ladder, and where settings come from. */
import { html, useState } from "./lib.js";
import { command } from "./api.js";
import { isReady } from "./coin_facts.js";
import { t } from "./i18n.js";
import { LadderForm } from "./ladder_form.js";
import { LimitsForm, MoneyLimits } from "./limits_form.js";
import { Looks } from "./looks.js";
import { PasswordForm } from "./password_dialog.js";
import { StartSettings } from "./start_settings.js";
import { state } from "./store.js";
import { TokensCard } from "./tokens_card.js";

const signOut = async () => {
  await command("/sign-out", {});
  location.reload();
};

export function SettingsPage() {
  const [revision, setRevision] = useState(0);
  if (!isReady(state.head)) return html`<div class="box card"><p class="muted">${t("starting.text")}</p></div>`;
  const { head } = state;
  return html`<h1 class="page-title">${t("nav.settings")}</h1>
    <div class="two settings">
      <div><${LadderForm} revision=${revision} onApplied=${() => setRevision(revision + 1)} /><${StartSettings} /></div>
      <div><${MoneyLimits} /><${LimitsForm} /><${PasswordForm} /><${TokensCard} /><section class="box card"><header><h2>${t("settings.source")}</h2></header>
        <p class="note w">${t(head.settings_source === "database" ? "settings.database" : "settings.first_start")}</p>
        <dl class="kv"><dt>${t("settings.mode")}</dt><dd>${t(`banner.${{ paper: "paper", sandbox: "testnet" }[head.mode] ?? "live"}`)}</dd><dt>${t("settings.host")}</dt><dd>${head.host}</dd><dt>${t("settings.account")}</dt><dd>${head.account || "–"}</dd><dt>${t("truth.feed")}</dt><dd>${t(`feed.${head.feed.family}`)}</dd><dt>${t("settings.version")}</dt><dd>${head.version}</dd></dl>
        <div class="rowx phone looks"><${Looks} /></div>
        <p><button type="button" class="btn s" onClick=${signOut}>${t("settings.sign_out")}</button></p></section></div>
    </div>`;
}
