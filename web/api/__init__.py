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
    lab,
    limits,
    orchestrator,
    order_book,
    overview,
    params,
    password,
    presets,
    quick_trade,
    reconcile,
    symbols,
    system,
    tokens,
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
        lab,
        limits,
        order_book,
        orchestrator,
        overview,
        params,
        presets,
        password,
        quick_trade,
        reconcile,
        system,
        symbols,
        tokens,
        trades,
    )
)
