from django.apps import AppConfig


class MigrationConfig(AppConfig):
    name = "migration"

    def ready(self) -> None:
        from ivmweb.system import owners
        from ivmweb.system.users import access_changed
        from migration import messages  # noqa: F401 (registers them)
        from migration.models import Migration
        from migration.peer.auth import revoke_all_of

        owners.remember(Migration.objects.partition_names)
        access_changed.connect(revoke_all_of)
