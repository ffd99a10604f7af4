"""Work with the database beside the event loop."""

from collections.abc import Callable
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


def alone(act: Callable[[], Result]) -> Callable[[], Result]:
    """`act` for a thread of a pool: the database connections that it opens end with it."""

    def act_alone() -> Result:
        try:
            return act()
        finally:
            connections.close_all()

    return act_alone
