"""Which process is which: a pid alone is reused, so a process is its pid, its start and its executable."""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_DELETED = " (deleted)"


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, told apart from any other that ever had or will have its pid on this machine.

    `started` is opaque: boot and clock ticks on Linux, the creation time on Windows.
    """

    pid: int
    started: str
    executable: str


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _QUERY_LIMITED = 0x1000
    _TERMINATE = 0x0001
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.OpenProcess.restype = wintypes.HANDLE
    _kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    _kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
    _kernel32.TerminateProcess.argtypes = (wintypes.HANDLE, wintypes.UINT)
    _kernel32.GetProcessTimes.argtypes = (wintypes.HANDLE, *(ctypes.POINTER(wintypes.FILETIME),) * 4)
    _kernel32.QueryFullProcessImageNameW.argtypes = (
        wintypes.HANDLE,
        wintypes.DWORD,
        wintypes.LPWSTR,
        ctypes.POINTER(wintypes.DWORD),
    )

    def identify(pid: int) -> ProcessIdentity | None:
        """Look a process up. `None`: it is gone, or it is not ours to look at."""
        handle = _kernel32.OpenProcess(_QUERY_LIMITED, False, pid)
        if not handle:
            return None
        try:
            return _identity(handle, pid)
        finally:
            _kernel32.CloseHandle(handle)

    def end(expected: ProcessIdentity, *, hard: bool) -> bool:
        """End exactly that process; False when it is gone or the pid is another's. Windows knows only `hard`."""
        handle = _kernel32.OpenProcess(_QUERY_LIMITED | _TERMINATE, False, expected.pid)
        if not handle:
            return False
        try:
            # The open handle keeps the pid from being reused between the look and the end.
            return _identity(handle, expected.pid) == expected and bool(_kernel32.TerminateProcess(handle, 1))
        finally:
            _kernel32.CloseHandle(handle)

    def _identity(handle: int, pid: int) -> ProcessIdentity | None:
        created, other = wintypes.FILETIME(), wintypes.FILETIME()
        size = wintypes.DWORD(32_768)
        path = ctypes.create_unicode_buffer(size.value)
        references = (ctypes.byref(moment) for moment in (created, other, other, other))
        if not _kernel32.GetProcessTimes(handle, *references):
            return None
        if not _kernel32.QueryFullProcessImageNameW(handle, 0, path, ctypes.byref(size)):
            return None
        return ProcessIdentity(pid, str(created.dwHighDateTime << 32 | created.dwLowDateTime), path.value)

else:

    def identify(pid: int) -> ProcessIdentity | None:
        """Look a process up. `None`: it is gone, or it is not ours to look at."""
        try:
            # The name in brackets may hold anything, brackets included; the fields start behind the last one.
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            executable = os.readlink(f"/proc/{pid}/exe").removesuffix(_DELETED)
        except (OSError, ValueError):
            return None
        state, start_ticks = fields[0], fields[19]
        return None if state in "ZX" else ProcessIdentity(pid, f"{boot}/{start_ticks}", executable)

    def end(expected: ProcessIdentity, *, hard: bool) -> bool:
        """End exactly that process; False when it is gone or the pid is another's. `hard` leaves it no last word."""
        with suppress(OSError):
            handle = os.pidfd_open(expected.pid)
            try:
                # The open handle keeps the pid from being reused between the look and the signal.
                if identify(expected.pid) == expected:
                    signal.pidfd_send_signal(handle, signal.SIGKILL if hard else signal.SIGTERM)
                    return True
            finally:
                os.close(handle)
        return False
