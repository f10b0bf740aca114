/** What an order has been through, as steps: wanted, sent, answered, filled, settled. Pure: the order, the same steps. */
export const outcomeOf = (order) => order.outcome ?? (order.state === "unknown" ? "unknown" : "open");

export const toneOf = (outcome) => ({ unknown: "danger fill", filled: "", open: "go" })[outcome] ?? "warn";

const NOTHING_SENT = new Set(["not_sent"]);

/**
 * Each step: `name`, `at` (ms or null), `done` (true, false: not yet, null: never). An answer may have been lost and the
 * order filled all the same: then it was found by reading the exchange's own books.
 */
export function stepsOf(order) {
  const outcome = outcomeOf(order);
  const ended = order.outcome !== null;
  const sent = NOTHING_SENT.has(outcome) ? null : true;
  const answered = sent === null ? null : outcome === "unknown" ? false : outcome === "open" ? Boolean(order.order_id) : true;
  const filled = order.fills.length > 0 ? true : ended ? null : false;
  return [
    { name: "wanted", at: order.created_ms, done: true },
    { name: "sent", at: order.sent_ms, done: sent },
    { name: "answered", at: order.answered_ms, done: answered },
    { name: "filled", at: order.fills.at(-1)?.time_ms ?? null, done: filled },
    { name: "settled", at: order.closed_ms, done: ended },
  ];
}
