"""The API, one file per resource."""

from web.api import (
    autotrader,
    bot,
    breakeven,
    chart,
    control,
    dashboard,
    health,
    history,
    limits,
    orchestrator,
    order_book,
    overview,
    params,
    presets,
    quick_trade,
    reconcile,
    symbols,
    system,
    trades,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        autotrader,
        bot,
        breakeven,
        chart,
        control,
        dashboard,
        health,
        history,
        limits,
        order_book,
        orchestrator,
        overview,
        params,
        presets,
        quick_trade,
        reconcile,
        system,
        symbols,
        trades,
    )
)
