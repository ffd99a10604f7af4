from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "ivmweb.api"
    label = "api"

    def ready(self) -> None:
        from ivmweb.api import messages  # noqa: F401 (registers them)
