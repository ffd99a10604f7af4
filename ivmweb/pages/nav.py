"""The navigation area as data, in IVM's order. It names what exists, nothing else."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Item:
    title: str | Promise
    url_name: str
    pages: frozenset[str] = frozenset()  # names of further addresses below this item

    @property
    def address(self) -> str:
        return reverse(self.url_name)

    def leads_to(self, url_name: str) -> bool:
        return url_name == self.url_name or url_name in self.pages


@dataclass(frozen=True)
class Group:
    title: str | Promise
    items: tuple[Item, ...]


GROUPS = (
    Group(
        _("Partition Management"),
        (
            Item(
                _("View/Modify Partitions"),
                "partitions",
                frozenset(
                    {"activate", "shutdown", "migrate", "partition-status", "migration", "report"}
                    | {"partition-properties", "reference-codes", "terminal", "partition-create", "partition-delete"}
                ),
            ),
            Item(_("View/Modify System Properties"), "system-properties"),
        ),
    ),
    Group(
        _("IVM Management"),
        (
            Item(
                _("View/Modify User Accounts"),
                "users",
                frozenset({"user-create", "user-password", "user-remove"}),
            ),
            Item(
                _("Remote Systems"),
                "remote-systems",
                frozenset({"remote-add", "remote-confirm", "remote-remove"}),
            ),
        ),
    ),
    Group(_("Service Management"), (Item(_("Monitor Tasks"), "tasks", frozenset({"task"})),)),
)


@dataclass(frozen=True)
class Link:
    title: str | Promise
    address: str
    current: bool


def navigation(url_name: str) -> list[tuple[str | Promise, list[Link]]]:
    """Groups with their links, the same for all roles; the one that the page belongs to is marked."""
    return [
        (group.title, [Link(item.title, item.address, item.leads_to(url_name)) for item in group.items])
        for group in GROUPS
    ]
