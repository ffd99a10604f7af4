from django.apps import AppConfig


class CliConfig(AppConfig):
    name = "ivmweb.cli"
    label = "cli"

    def ready(self) -> None:
        from ivmweb.cli import messages  # noqa: F401 (registers them)
