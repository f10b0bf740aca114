"""A notification of the operating system: `notify-send` on Linux, a toast by PowerShell on Windows."""

import base64
import html
import shutil
import subprocess
import sys
from pathlib import Path

from autotrader_v2.application.events import Priority
from autotrader_v2.infrastructure.environment import helper_environment
from autotrader_v2.infrastructure.notify.channel import CannotDeliver, Message

_LIMIT_S = 10.0


class Desktop:
    """Delivers to the desktop of whoever runs this program, in their language (`en` or `ru`)."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __call__(self, message: Message) -> None:
        """Show it. Errors: `CannotDeliver`, lasting: a desktop that is not there does not come by waiting."""
        text = message.text_ru if self._language == "ru" else message.text
        try:
            command, own = _command(f"mTrade ({message.instance})", text, message.alert.priority is Priority.HIGH)
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_LIMIT_S,
                check=False,
                env=helper_environment() | own,
                creationflags=_NO_WINDOW,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotDeliver(f"{type(error).__name__} of the desktop's notifier", lasting=True) from error
        if done.returncode:
            raise CannotDeliver(f"the desktop's notifier ended with {done.returncode}", lasting=True)


if sys.platform == "win32":
    _NO_WINDOW = subprocess.CREATE_NO_WINDOW
    # Text comes in by the environment, never in the command: nothing in it can become code.
    _TOAST = r"""
$ErrorActionPreference = 'Stop'
$m = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$xml = $m::GetTemplateContent([Windows.UI.Notifications.ToastTemplateType]::ToastText02)
$texts = $xml.GetElementsByTagName('text')
$null = $texts.Item(0).AppendChild($xml.CreateTextNode($env:MTRADE_TITLE))
$null = $texts.Item(1).AppendChild($xml.CreateTextNode($env:MTRADE_TEXT))
$toast = New-Object Windows.UI.Notifications.ToastNotification $xml
$app = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\WindowsPowerShell\v1.0\powershell.exe'
$m::CreateToastNotifier($app).Show($toast)
"""

    def unavailable() -> str:
        """Why this machine shows no notifications; empty when it can."""
        return "" if _powershell().is_file() else f"{_powershell()} is missing"

    def _powershell() -> Path:
        root = helper_environment().get("SYSTEMROOT", r"C:\Windows")
        return Path(root, "System32", "WindowsPowerShell", "v1.0", "powershell.exe")

    def _command(title: str, text: str, _urgent: bool) -> tuple[list[str], dict[str, str]]:
        code = base64.b64encode(_TOAST.encode("utf-16-le")).decode()
        command = [str(_powershell()), "-NoProfile", "-NonInteractive", "-EncodedCommand", code]
        return command, {"MTRADE_TITLE": title, "MTRADE_TEXT": text}

else:
    _NO_WINDOW = 0

    def unavailable() -> str:
        """Why this machine shows no notifications; empty when it can."""
        if shutil.which("notify-send") is None:
            return "notify-send is not installed (Debian, Ubuntu: apt install libnotify-bin)"
        session = helper_environment()
        if not any(session.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")):
            return "there is no desktop session here"
        return ""

    def _command(title: str, text: str, urgent: bool) -> tuple[list[str], dict[str, str]]:
        urgency = "critical" if urgent else "normal"
        # Bodies may carry markup; ours are text.
        command = ["notify-send", "--app-name=mTrade", f"--urgency={urgency}", "--", title, html.escape(text)]
        return command, {}
