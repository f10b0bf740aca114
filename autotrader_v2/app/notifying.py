"""Which channels alerts take in this run, as the settings say."""

from autotrader_v2.app.sentences import sentence_of, system_language
from autotrader_v2.app.settings import Settings
from autotrader_v2.infrastructure.notify import desktop
from autotrader_v2.infrastructure.notify.channel import Channel
from autotrader_v2.infrastructure.notify.fan_out import FanOut
from autotrader_v2.infrastructure.notify.log import LogNotifier


def notifier_of(settings: Settings) -> FanOut:
    """Put the channels together; nothing is delivered before `start`."""
    channels = []
    if settings.notify_os and not desktop.unavailable():
        language = system_language() if settings.notify_language == "auto" else settings.notify_language
        # Tried once: by the time a desktop comes back the news is old, and the page has it.
        channels.append(
            Channel("desktop", desktop.Desktop(language), least=settings.notify_os_min_priority, back_off_s=())
        )
    if settings.notify_webhook_url is not None:
        from autotrader_v2.infrastructure.notify.webhook import Webhook

        secret = settings.notify_webhook_secret
        webhook = Webhook(
            settings.notify_webhook_url.get_secret_value(),
            secret.get_secret_value() if secret else "",
            private=settings.notify_webhook_private,
        )
        channels.append(Channel("webhook", webhook, least=settings.notify_webhook_min_priority))
    return FanOut(LogNotifier(), channels, sentence_of, instance_name(settings))


def instance_name(settings: Settings) -> str:
    """Which mTrade this is, for people who run several."""
    return f"{settings.mode.value}, {settings.data_dir.name}"
