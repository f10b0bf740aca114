"""The `Notifier` port over every channel that the person set up."""

from collections.abc import Callable, Sequence

from autotrader_v2.application.events import Alert
from autotrader_v2.application.ports import Notifier
from autotrader_v2.infrastructure.notify.channel import Channel, Message

_STOP_WAIT_S = 3.0

Words = Callable[[Alert, str], str]


class FanOut:
    """Each alert goes into the log and to every channel. `words` makes an alert's sentence in a language (en, ru)."""

    def __init__(self, first: Notifier, channels: Sequence[Channel], words: Words, instance: str) -> None:
        self._first = first
        self.channels = tuple(channels)
        self._words = words
        self._instance = instance

    def start(self) -> None:
        """Begin delivering."""
        for channel in self.channels:
            channel.start()

    def stop(self, wait_s: float = _STOP_WAIT_S) -> None:
        """Deliver what waits, for a moment."""
        for channel in self.channels:
            channel.stop(wait_s)

    @property
    def failing(self) -> list[str]:
        """The channels that did not get their newest alert through."""
        return [channel.name for channel in self.channels if channel.failing]

    def alert(self, alert: Alert) -> None:
        """See the port."""
        self._first.alert(alert)
        message = Message(alert=alert, words=self._words, instance=self._instance)
        for channel in self.channels:
            channel.offer(message)
