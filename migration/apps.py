from django.apps import AppConfig


class MigrationConfig(AppConfig):
    name = "migration"

    def ready(self) -> None:
        from ivmweb.system.users import access_changed
        from migration import messages  # noqa: F401 (registers them)
        from migration.peer.auth import revoke_all_of

        access_changed.connect(revoke_all_of)
