"""Another console comes in by these keys as well, so they belong to the users and not to the command line."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("cli", "0001_authorized_keys")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.AlterModelTable("AuthorizedKey", "system_authorizedkey")],
            state_operations=[migrations.DeleteModel("AuthorizedKey")],
        )
    ]
