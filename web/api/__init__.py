"""The API, one file per resource."""

from web.api import (
    autotrader,
    breakeven,
    chart,
    control,
    dashboard,
    health,
    history,
    limits,
    overview,
    params,
    quick_trade,
    reconcile,
    system,
    trades,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        autotrader,
        breakeven,
        chart,
        control,
        dashboard,
        health,
        history,
        limits,
        overview,
        params,
        quick_trade,
        reconcile,
        system,
        trades,
    )
)
