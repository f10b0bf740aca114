"""Commands that trade nothing: a ladder as a table, an exchange in a box, worlds from a seed."""

from typing import Annotated

import typer

from autotrader_v2.app.cli_words import app, named_values, read_option, require


@app.command()
def table(
    price: Annotated[str, typer.Option("--price", help="Price of the start buy.", show_default=False)],
    precision: Annotated[int, typer.Option("--precision", min=0, max=18, help="Decimals of the market's prices.")] = 2,
    amount_precision: Annotated[
        int, typer.Option("--amount-precision", min=0, max=18, help="Decimals of the market's amounts.")
    ] = 4,
    fee: Annotated[str, typer.Option("--fee", help="Taker fee as a fraction: 0.002 is 0.2 %.")] = "0.002",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A ladder parameter, such as steps=4; may be repeated."),
    ] = None,
    min_base: Annotated[str, typer.Option("--min-base", help="The market's smallest order, in coins.")] = "0",
    min_quote: Annotated[str, typer.Option("--min-quote", help="The market's smallest order, in quote.")] = "0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Show the breakeven table of a ladder, and what the whole of it costs, before a cent is spent."""
    from autotrader_v2.app import values

    start_price = read_option("--price", values.read_amount, price)
    fee_rate = read_option("--fee", values.read_amount, fee)
    require("--price", start_price > 0, "must be above 0")
    require("--fee", fee_rate < 1, "is a fraction below 1: write 0.002 for 0.2 %")
    smallest_base = read_option("--min-base", values.read_amount, min_base)
    smallest_quote = read_option("--min-quote", values.read_amount, min_quote)
    named = read_option("--set", named_values, changes or [])

    from autotrader_v2.app.table_command import run_table

    raise typer.Exit(
        run_table(
            price=start_price,
            precision=precision,
            amount_precision=amount_precision,
            fee=fee_rate,
            changes=named,
            min_base=smallest_base,
            min_quote=smallest_quote,
            as_json=as_json,
        )
    )


@app.command()
def sim(
    host: Annotated[str, typer.Option("--host", help="Address to serve on; this machine only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8790,
    feed: Annotated[
        str, typer.Option("--feed", help="Prices: synthetic, replay:PATH, or told (by /sim/price alone).")
    ] = "synthetic",
    speed: Annotated[str, typer.Option("--speed", help="How fast its prices run, or max.")] = "1",
    balance: Annotated[
        list[str] | None,
        typer.Option(
            "--balance",
            metavar="CURRENCY=AMOUNT",
            help="What the account holds; may be repeated (default: USDT=10000).",
            show_default=False,
        ),
    ] = None,
    key: Annotated[str, typer.Option("--key", help="API key of its one account.")] = "practice-key",
    secret: Annotated[str, typer.Option("--secret", help="Secret to that key.")] = "practice-secret",  # noqa: S107 a box's own
    seed: Annotated[int, typer.Option("--seed", min=0, help="Makes its prices and its faults repeatable.")] = 1,
    faults: Annotated[
        str | None,
        typer.Option(
            "--faults", metavar="FILE|PROFILE", help="What goes wrong: calm, gate_as_seen, hostile or a file."
        ),
    ] = None,
    control_token: Annotated[
        str | None,
        typer.Option("--control-token", help="Token of its control routes /sim/...; made and printed when not given."),
    ] = None,
) -> None:
    """Run an exchange in a box: Gate's API on this machine, with play money."""
    from autotrader_v2.app import values
    from autotrader_v2.app.sim_command import TOLD, read_faults, run_sim

    address = read_option("--host", values.read_loopback, host)
    word = feed.strip().lower()
    require(
        "--feed", word in ("synthetic", TOLD) or word.startswith("replay:"), "must be synthetic, replay:PATH or told"
    )
    prices = TOLD if word == TOLD else read_option("--feed", values.read_feed, feed)
    pace = read_option("--speed", values.read_speed, speed)
    balances = read_option("--balance", values.read_balances, balance or ["USDT=10000"])
    token = None if control_token is None else read_option("--control-token", values.read_token, control_token)

    plan = None if faults is None else read_option("--faults", read_faults, faults)

    raise typer.Exit(
        run_sim(
            host=address,
            port=port,
            feed=prices,
            speed=pace,
            balances=balances,
            key=key,
            secret=secret,
            seed=seed,
            faults=plan,
            control_token=token,
        )
    )


@app.command()
def simulate(
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="How many worlds (default: 100; 1 with --seed).")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Events delivered in each before all heals.")] = 2000,
    profile: Annotated[str, typer.Option("--profile", help="calm, gate_as_seen or hostile.")] = "hostile",
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first world; repeats one that broke.")] = 0,
    without: Annotated[str, typer.Option("--without", help="Kinds of events left out, by comma.")] = "",
    only: Annotated[
        str,
        typer.Option("--only", help="The only events that happen, as a break names them: send_late#2,hand_sell#1-3."),
    ] = "",
    jobs: Annotated[int, typer.Option("--jobs", min=0, help="Processes; 0 takes one for each core.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Let the engine live in simulated worlds where everything fails, and check its books after every step."""
    from autotrader_v2.simulation.event_names import events_of
    from autotrader_v2.simulation.faults import PROFILES

    require("--profile", profile in PROFILES, f"must be one of {', '.join(PROFILES)}")
    left_out = frozenset(kind.strip() for kind in without.split(",") if kind.strip())
    unknown = sorted(left_out - PROFILES[profile].keys())
    require("--without", not unknown, f"{profile} has no {', '.join(unknown)}")
    events = read_option("--only", events_of, only)
    unknown = sorted({event.kind for event in events} - PROFILES[profile].keys())
    require("--only", not unknown, f"{profile} has no {', '.join(unknown)}")

    from autotrader_v2.app.simulate_command import run_simulate

    raise typer.Exit(
        run_simulate(
            first_seed=seed,
            seeds=seeds or (1 if seed else 100),
            steps=steps,
            profile=profile,
            without=left_out,
            only=events if only else None,
            jobs=jobs,
            as_json=as_json,
        )
    )
