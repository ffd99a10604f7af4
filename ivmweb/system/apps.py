from django.apps import AppConfig


class SystemConfig(AppConfig):
    name = "ivmweb.system"
    label = "system"

    def ready(self) -> None:
        from ivmweb.system import messages  # noqa: F401 (registers them)
