"""All that asks a process to stop, as one call: Ctrl-C, SIGTERM, Ctrl-Break, log-off, shutdown, a closed window."""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# How long Windows is kept waiting for a clean stop after its window was closed; it ends the process soon after anyway.
_WINDOWS_GRACE_S = 20.0
_INTERRUPTED = 130


def install(stop: Callable[[], None]) -> None:
    """Call `stop` once, in a thread of its own, when the process is asked to stop. Call it from the main thread.

    A second Ctrl-C ends the process at once: a person who insists gets out, and the journal goes on from where it was.
    On Linux the main thread must wait in something that signals interrupt (an `Event.wait`, a `join`).
    """
    # A handler interrupts the main thread anywhere, a lock's inside included. Only this queue's `put` is safe there.
    requests: queue.SimpleQueue[None] = queue.SimpleQueue()

    def stop_when_asked() -> None:
        requests.get()
        stop()

    threading.Thread(target=stop_when_asked, name="stop-request", daemon=True).start()
    _listen(lambda: requests.put(None))


@contextmanager
def interrupt_as_event() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, so that the work in this block ends where it is whole; a second one interrupts it.

    KeyboardInterrupt comes anywhere: within a commit, a lock, a queue's `put`. Outside the main thread, which no
    signal reaches, the event is never set.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def on_interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        asked.set()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


if sys.platform == "win32":
    import atexit
    import ctypes
    from ctypes import wintypes

    _TYPED = frozenset({0, 1})  # CTRL_C_EVENT, CTRL_BREAK_EVENT
    _ENDING = frozenset({2, 5, 6})  # CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT
    _HandlerRoutine = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
    _READ_WRITE, _SHARED, _OPEN_EXISTING = 0xC0000000, 3, 3
    _QUICK_EDIT, _EXTENDED_FLAGS = 0x0040, 0x0080
    _kept_alive: list[object] = []  # Windows keeps only a bare pointer to the handler

    def _listen(ask: Callable[[], None]) -> None:
        """Console events come in a thread of the system's, so a main thread that waits in a lock does not delay them.

        A process that shows windows of its own gets no log-off and shutdown events here; this one has none.
        """
        asked = threading.Event()

        def on_event(event: int) -> bool:
            if event in _TYPED and asked.is_set():
                os._exit(_INTERRUPTED)
            asked.set()
            ask()
            if event in _ENDING:
                # Windows ends the process when this returns, so stay until the main thread has ended it cleanly.
                threading.Event().wait(_WINDOWS_GRACE_S)
            return True

        handler = _HandlerRoutine(on_event)
        _kept_alive.append(handler)
        ctypes.WinDLL("kernel32").SetConsoleCtrlHandler(handler, True)
        _let_no_click_hold_it()

    def _let_no_click_hold_it() -> None:
        """Marking text in a console's window holds up whoever writes to it, and with it all who write to the log.

        Until the process ends. Source: SetConsoleMode, ENABLE_QUICK_EDIT_MODE.
        """
        kernel = ctypes.WinDLL("kernel32")
        kernel.CreateFileW.restype = wintypes.HANDLE
        number = wintypes.DWORD
        kernel.CreateFileW.argtypes = [
            wintypes.LPCWSTR,
            number,
            number,
            wintypes.LPVOID,
            number,
            number,
            wintypes.HANDLE,
        ]
        kernel.SetConsoleMode.argtypes = [wintypes.HANDLE, wintypes.DWORD]
        kernel.GetConsoleMode.argtypes = [wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD)]
        window = kernel.CreateFileW("CONIN$", _READ_WRITE, _SHARED, None, _OPEN_EXISTING, 0, None)
        mode = wintypes.DWORD()
        # No console, no click.
        if kernel.GetConsoleMode(window, ctypes.byref(mode)):
            kernel.SetConsoleMode(window, (mode.value & ~_QUICK_EDIT) | _EXTENDED_FLAGS)
            atexit.register(kernel.SetConsoleMode, window, mode.value | _EXTENDED_FLAGS)

else:

    def _listen(ask: Callable[[], None]) -> None:
        def on_signal(number: int, frame: object) -> None:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            ask()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` wants it to outlive its terminal
            signal.signal(signal.SIGHUP, on_signal)
