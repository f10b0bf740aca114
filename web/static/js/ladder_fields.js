/** The parameters of a ladder as fields of a form: kind and unit. `quote` stands for the quote currency. */
export const FIELDS = [
  { name: "start_quote", unit: "quote" }, { name: "steps", unit: "", whole: true },
  { name: "drop_step_pct", unit: "%" }, { name: "drop_growth_pct", unit: "%" },
  { name: "size_mode", choices: ["fixed", "geometric", "martingale", "custom"] }, { name: "size_multiplier", unit: "×", when: (values) => values.size_mode === "geometric" },
  { name: "sizes", unit: "quote", list: true, when: (values) => values.size_mode === "custom" },
  { name: "profit_pct", unit: "%" }, { name: "profit_decay_pct", unit: "%" },
  { name: "min_profit_pct", unit: "%" }, { name: "budget_quote", unit: "quote" },
  { name: "start_limit", unit: "price" }, { name: "cooldown_s", unit: "s" },
];

export const MORE_FIELDS = [
  { name: "start_balance_pct", unit: "%" }, { name: "drop_reference", choices: ["last_buy", "start"] },
  { name: "rebuy_pause_s", unit: "s" }, { name: "stop_loss_pct", unit: "%" },
  { name: "max_spread_pct", unit: "%" }, { name: "max_slippage_pct", unit: "%" },
  { name: "order_style", choices: ["market", "capped"] }, { name: "reserve", choices: ["none", "next_step", "ladder"] },
];

export const ALL_FIELDS = [...FIELDS, ...MORE_FIELDS];
