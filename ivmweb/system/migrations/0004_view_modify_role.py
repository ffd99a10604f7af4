from django.db import migrations


def make_role(apps, schema_editor):
    apps.get_model("auth", "Group").objects.get_or_create(name="View/Modify")


class Migration(migrations.Migration):
    dependencies = [("system", "0003_limits_of_validation"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(make_role, migrations.RunPython.noop)]
