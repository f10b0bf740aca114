"""`keys` as a person and a script use it, and a start that trades with what it kept. No secret reaches any sink."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.app import settings
from autotrader_v2.app.instance import SECRETS_LOCK_NAME
from autotrader_v2.app.secret_store import FILE_NAME, fingerprint
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests.canary import KEY, SECRET, TOKEN, no_secret_in
from tests.engine import a_price
from tests.processes import Serving

ETH = rules_for("ETH")
WORD = "wP5/rK8+xN3=qB7Vt1Ls6Yd"
# The command itself; the door would first see to its packages.
PROGRAM = ("-X", "utf8", "-c", "import sys; from autotrader_v2.app.cli import main; sys.exit(main(sys.argv[1:]))")
_HEADLESS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent", "MTRADE_ENV_FILE": ""}


def keys(*words: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `keys` without a terminal and without a key ring."""
    done = subprocess.run(
        [sys.executable, *PROGRAM, "keys", *words],
        input=typed,
        env=settings.environment_with(**{**_HEADLESS, **environment}),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    no_secret_in(done.stdout, done.stderr)
    assert WORD not in done.stdout + done.stderr
    return done


def kept(folder: Path) -> None:
    done = keys("set", "--store", "file", "--data-dir", str(folder), typed=f"{KEY}\n{SECRET}\n", KEYS_PASSPHRASE=WORD)
    assert done.returncode == 0, done.stderr
    assert fingerprint("API_KEY", KEY) in done.stdout


@pytest.mark.slow
def test_i11_w9_a_start_trades_with_keys_of_the_encrypted_file_and_no_sink_holds_them(tmp_path: Path) -> None:
    """Sandbox: the real client signs with them against the simulator, which refuses any other key."""
    data = tmp_path / "data"
    kept(data)
    word = tmp_path / "word"
    word.write_text(f"{WORD}\n", "utf-8")
    word.chmod(0o600)
    with Simulator([ETH], {"USDT": 1000}, key=KEY, secret=SECRET) as sim:
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        with Serving(
            "--mode",
            "sandbox",
            "--data-dir",
            str(data),
            log=tmp_path / "serve.log",
            token=TOKEN,
            GATE_HOST=sim.url,
            AVAILABLE_SYMBOLS="ETH",
            LOG_LEVEL="DEBUG",
            KEYS_PASSPHRASE_FILE=str(word),
        ) as serving:
            serving.post("/api/autotrader/switch", base_currency="ETH", mode="on")

            def bought() -> bool:
                sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
                return bool(serving.cycle("ETH")["state"] == "ACTIVE")

            serving.until("a start buy", bought)
            rows = {one["name"]: one for one in serving.get("/api/settings")["settings"]}
            assert (rows["API_KEY"]["source"], rows["API_KEY"]["set"]) == ("store", True)
            assert not rows["API_KEY"]["changed"]
            assert serving.stop() == 0
    word.unlink()
    assert no_secret_in(tmp_path, *serving.answers, "".join(serving.said)) > 10_000
    for place in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert WORD.encode() not in place.read_bytes(), place


@pytest.mark.parametrize("how", ["wrong", "none", "changed"])
def test_a_start_that_cannot_open_the_store_says_so_and_leaves(tmp_path: Path, how: str) -> None:
    """The exit code is 1: a watchdog tries again. A start on paper, or `stop`, needs none of it."""
    kept(tmp_path)
    environment = {} if how == "none" else {"KEYS_PASSPHRASE": "another passphrase" if how == "wrong" else WORD}
    if how == "changed":
        file = tmp_path / FILE_NAME
        index = json.loads(file.read_text("utf-8"))
        index["known"].pop("API_KEY")
        file.write_text(json.dumps(index), "utf-8")
    given = {**_HEADLESS, "MODE": "sandbox", "GATE_HOST": "http://127.0.0.1:9/api/v4", **environment}
    if how == "changed":
        given["API_KEY"] = "of-the-environment"
    said = []
    for words in (["serve", "--no-browser", "--port", "0"], ["stop"]):
        done = subprocess.run(
            [sys.executable, *PROGRAM, *words, "--data-dir", str(tmp_path)],
            env=settings.environment_with(**given),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        said.append((done.returncode, done.stdout + done.stderr))
        no_secret_in(done.stdout, done.stderr)
    assert said[0][0] == 1
    assert {"wrong": "not the passphrase", "none": "nobody is here", "changed": "was changed"}[how] in said[0][1]
    assert "bought or sold" in said[0][1]
    assert "No mTrade is running" in said[1][1]


def test_w9_what_is_kept_is_shown_by_marks_and_the_environment_wins(tmp_path: Path) -> None:
    folder = ("--data-dir", str(tmp_path))
    kept(tmp_path)
    told = json.loads(keys("show", "--json", *folder).stdout)
    rows = {one["name"]: one for one in told["secrets"]}
    assert told["store"] == "file"
    assert rows["API_KEY"]["fingerprint"] == fingerprint("API_KEY", KEY)
    assert rows["API_TOKEN"]["counts"] is None
    shown = keys("show", *folder, API_KEY="of-the-environment").stdout
    assert "API_KEY                from the environment; another one in the encrypted file does not count" in shown
    assert "API_SECRET             from the encrypted file" in shown
    told_by_set = keys("set", "API_KEY", *folder, typed=f"{KEY}\n", KEYS_PASSPHRASE=WORD, API_KEY="of-the-environment")
    assert "that one counts" in told_by_set.stderr


def test_w9_input_that_will_not_do_changes_nothing(tmp_path: Path) -> None:
    folder = ("--data-dir", str(tmp_path))
    kept(tmp_path)
    before = (tmp_path / FILE_NAME).read_bytes()
    refused = {
        "holds a space": keys("set", "API_KEY", *folder, typed=f"{KEY} {KEY}\n", KEYS_PASSPHRASE=WORD),
        "too easy": keys("set", "API_TOKEN", *folder, typed="short\n", KEYS_PASSPHRASE=WORD),
        "must hold 2 lines": keys("set", *folder, typed=f"{KEY}\n", KEYS_PASSPHRASE=WORD),
        "must hold 1 lines": keys("set", "API_KEY", *folder, typed=f"{KEY}\n{SECRET}\n", KEYS_PASSPHRASE=WORD),
        "is one of API_KEY": keys("set", "MODE", *folder, typed="live\n", KEYS_PASSPHRASE=WORD),
        "--yes": keys("forget", "--all", *folder),
        "not the passphrase": keys("set", "API_KEY", *folder, typed=f"{KEY}\n", KEYS_PASSPHRASE="another passphrase"),
    }
    for says, done in refused.items():
        assert done.returncode in (1, 2), says
        assert says in done.stderr, (says, done.stderr)
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert keys("forget", "--all", "--yes", *folder).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [SECRETS_LOCK_NAME]


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal of its own")
def test_w9_typed_secrets_are_not_echoed(tmp_path: Path) -> None:
    """On a terminal: keys and the passphrase, twice; nothing of it comes back on the screen."""
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *PROGRAM, "keys", "set", "--store", "file", "--data-dir", str(tmp_path)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=settings.environment_with(**_HEADLESS),
        start_new_session=True,
    )
    os.close(slave)
    screen = b""
    try:
        for prompt, answer in (
            (b"API_KEY (", KEY),
            (b"API_SECRET (", SECRET),
            (b"New passphrase", WORD),
            (b"Again:", WORD),
        ):
            while prompt not in screen:
                screen += os.read(master, 4096)
            os.write(master, f"{answer}\n".encode())
        while b"read back" not in screen:
            screen += os.read(master, 4096)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
    no_secret_in(screen, tmp_path)
    assert WORD.encode() not in screen
