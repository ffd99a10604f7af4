import asyncio
import logging
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ivmweb.cli.sshd import Place, serve


class Command(BaseCommand):
    help = "Serve the command line over SSH until it is told to end (IVM_SSH_BIND)."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.SSH_BIND:
            raise CommandError("IVM_SSH_BIND is not set; needed: host:port, e.g. 0.0.0.0:22.")
        logging.getLogger("asyncssh").setLevel(logging.WARNING)
        try:
            asyncio.run(self.run())
        except OSError as exc:
            raise CommandError(f"The SSH server can't listen at {settings.SSH_BIND}: {exc}.") from exc

    async def run(self) -> None:
        host, _colon, port = settings.SSH_BIND.rpartition(":")
        place = Place(host.strip("[]"), int(port), settings.SSH_HOST_KEY, settings.SESSION_COOKIE_AGE)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(place, stop)
