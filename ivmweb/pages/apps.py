from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "ivmweb.pages"
    label = "pages"

    def ready(self) -> None:
        from ivmweb.pages import messages  # noqa: F401 (registers them)
