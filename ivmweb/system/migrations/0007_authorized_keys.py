"""The table is there already: it was the command line's."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cli", "0002_keys_are_of_the_system"),
        ("system", "0006_strays"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="AuthorizedKey",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("algorithm", models.CharField(max_length=64)),
                        ("data", models.TextField()),
                        ("comment", models.CharField(blank=True, default="", max_length=128)),
                        ("fingerprint", models.CharField(max_length=64)),
                        ("added_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="ssh_keys",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "constraints": [
                            models.UniqueConstraint(fields=("user", "fingerprint"), name="ssh_key_of_a_user_once")
                        ],
                    },
                ),
            ]
        )
    ]
