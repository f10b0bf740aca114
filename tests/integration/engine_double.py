"""An engine for the watchdog's tests: `python -m tests.integration.engine_double FOLDER NONCE MANNER`.

Manners, one per life in the file `manners` of the folder, the last one for all lives after it: `well` beats and stops
at SIGTERM, `hangs` beats and then is silent and deaf, `crashes` beats once and ends with 9, `never` does not even
beat, `refused` ends with 2, `leaves` ends with 0 after a beat, `failed` beats as one that could not start. Each life
adds a line `MANNER NONCE` to the file `lives`.
"""

import signal
import sys
import threading
import time
from pathlib import Path

from autotrader_v2.app.heartbeat import Heartbeat, Vitals


def main(folder: Path, nonce: str) -> int:
    """Live one life."""
    manners = (folder / "manners").read_text("utf-8").split()
    lives = folder / "lives"
    before = lives.read_text("utf-8").splitlines() if lives.exists() else []
    manner = manners[min(len(before), len(manners) - 1)]
    with lives.open("a", encoding="utf-8") as stream:
        stream.write(f"{manner} {nonce}\n")
    if manner == "refused":
        return 2
    if manner == "never":
        time.sleep(60)
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    vitals = Vitals(phase="failed" if manner == "failed" else "running", open_cycles=1)
    heart = Heartbeat(folder, nonce, lambda: vitals, lambda _: None, every_s=0.05)
    heart.start()
    time.sleep(0.3)
    if manner == "crashes":
        return 9
    if manner == "hangs":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        heart._ending.set()
        time.sleep(60)
    if manner != "leaves":
        ending.wait(60)
    heart.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
