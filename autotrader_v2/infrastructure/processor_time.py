"""How much processor time a thread of ours, or a process, has had: who gets none though it works is not hung."""

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _THREAD_QUERY, _PROCESS_QUERY = 0x0800, 0x1000  # ..._QUERY_LIMITED_INFORMATION
    _TICKS_PER_S = 10_000_000
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    for _name in ("OpenThread", "OpenProcess"):
        getattr(_kernel32, _name).restype = wintypes.HANDLE
        getattr(_kernel32, _name).argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    for _name in ("GetThreadTimes", "GetProcessTimes"):
        getattr(_kernel32, _name).argtypes = (wintypes.HANDLE, *(ctypes.POINTER(wintypes.FILETIME),) * 4)
    _kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)

    def of_thread(native_id: int) -> float | None:
        """Seconds that a thread has computed; None: it is gone, or nobody tells."""
        return _used("Thread", _THREAD_QUERY, native_id)

    def of_process(pid: int) -> float | None:
        """Seconds that all threads of a process have computed; None: it is gone, or nobody tells."""
        return _used("Process", _PROCESS_QUERY, pid)

    def _used(what: str, access: int, number: int) -> float | None:
        handle = getattr(_kernel32, f"Open{what}")(access, False, number)
        if not handle:
            return None
        times = [wintypes.FILETIME() for _ in range(4)]
        try:
            if not getattr(_kernel32, f"Get{what}Times")(handle, *(ctypes.byref(one) for one in times)):
                return None
        finally:
            _kernel32.CloseHandle(handle)
        return sum(one.dwHighDateTime << 32 | one.dwLowDateTime for one in times[2:]) / _TICKS_PER_S

else:
    _TICKS_PER_S = os.sysconf("SC_CLK_TCK")

    def of_thread(native_id: int) -> float | None:
        """Seconds that a thread has computed; None: it is gone, or nobody tells."""
        return _used(Path(f"/proc/self/task/{native_id}/stat"))

    def of_process(pid: int) -> float | None:
        """Seconds that all threads of a process have computed; None: it is gone, or nobody tells."""
        return _used(Path(f"/proc/{pid}/stat"))

    def _used(path: Path) -> float | None:
        try:
            # The name in brackets may hold anything, brackets included; the fields start behind the last one.
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
        except (OSError, ValueError, IndexError):
            return None
