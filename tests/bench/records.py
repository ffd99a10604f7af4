"""`python -m tests.bench.records PUBLIC_KEY`: a console's database with the lab's first state, and padmin's key."""

import sys

import django


def main(public_key: str) -> None:
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from ivmweb.lab import data
    from ivmweb.system import keys
    from ivmweb.system.rights import PRIME_ADMINISTRATOR
    from tests import factories

    call_command("migrate", verbosity=0)
    factories.make_user("padmin", PRIME_ADMINISTRATOR)
    factories.make_system()
    for partition in (data.ULI13LP1, data.ULI13LP2):
        factories.make_lab_partition(partition)
    keys.add(public_key, user=User.objects.get(username="padmin"), origin="bench")


if __name__ == "__main__":
    main(sys.argv[1])
