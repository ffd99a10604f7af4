"""Who may import whom. An arrow goes down or stays on its level; a wrong one fails here with both names."""

import ast
from pathlib import Path

import pytest

from tools.paths import ROOT

# From the top down; the longest name that fits a module decides. A new part is named here when it gets its place.
LEVELS = (
    ("ivmweb.settings", "ivmweb.urls", "ivmweb.asgi", "ivmweb.celery", "ivmweb.hearing", "ivmweb.serve",
     "ivmweb.documents", "ivmweb.translations",
     "ivmweb.lab"),
    ("ivmweb.pages", "ivmweb.cli", "ivmweb.api", "migration.views", "migration.remote_views",
     "migration.report_views", "migration.recover_views", "migration.recover_page",
     "migration.restored_views", "migration.forms", "migration.urls", "migration.presentation", "migration.report",
     "migration.transfer_words", "migration.chart", "migration.peer.views"),
    ("migration.services", "migration.checking_again"),
    ("migration.tasks",),
    ("migration.transfer",),
    ("migration",),  # the roles, recovery, validation and what they share
    ("migration.journal", "migration.leases", "migration.look", "migration.models", "migration.messages",
     "migration.handover_record",
     "migration.apps", "migration.peer"),
    ("ivmweb.system", "ivmweb.monitor"),
    ("ivmweb.hypervisor", "migration.mover", "migration.states"),
    ("ivmweb.common", "ivmweb.database", "ivmweb.environment", "ivmweb.transactions"),
)  # fmt: skip
RANK = {name: rank for rank, names in enumerate(reversed(LEVELS)) for name in names}
# These know even less than their level would let them.
ONLY = {
    "ivmweb.common": ("ivmweb.common",),
    "migration.states": ("ivmweb.common",),
    "migration.mover": ("ivmweb.common", "ivmweb.hypervisor.base", "migration.mover"),
    "ivmweb.hypervisor": ("ivmweb.common", "ivmweb.hypervisor"),
}
DRIVERS = ("ivmweb.hypervisor.simulated", "ivmweb.hypervisor.qemu")
WITHOUT_DJANGO = tuple(ONLY)
# Who may begin a plain transaction: the queue itself, what runs before anybody else, and a single row.
PLAIN_TRANSACTIONS = {
    "ivmweb.transactions",
    "ivmweb.system.first_records",
    "ivmweb.lab.records",
    "ivmweb.api.once",
}


def is_part_of(module, name):
    return module == name or module.startswith(f"{name}.")


def rank(module):
    """Of a module; management commands are entrances, wherever they lie."""
    if ".management." in module:
        return len(LEVELS) - 1
    known = [name for name in RANK if is_part_of(module, name)]
    assert known, f"{module} has no place in LEVELS"
    return RANK[max(known, key=len)]


def is_wrong(importer, imported):
    if imported == "ivmweb" or imported == "migration":
        return False
    for name, allowed in ONLY.items():
        if is_part_of(importer, name) and not any(is_part_of(imported, part) for part in allowed):
            return True
    drivers = [driver for driver in DRIVERS if is_part_of(importer, driver)]
    if drivers and any(is_part_of(imported, other) for other in DRIVERS if other not in drivers):
        return True
    return rank(imported) > rank(importer)


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def source_files():
    for package in ("ivmweb", "migration"):
        yield from (path for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts)


def imports(path):
    """(line, full name) of each import in a file, also inside functions; relative ones are refused by the linter."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node.lineno, inner if exists(inner) else node.module


def exists(module):
    path = Path(ROOT, *module.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def test_no_import_goes_up():
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {module_of(path)} may not import {name}"
        for path in source_files()
        for line, name in imports(path)
        if name.partition(".")[0] in {"ivmweb", "migration"} and is_wrong(module_of(path), name)
    ]
    assert wrong == []


def test_there_is_no_django_below_the_records():
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in source_files()
        for line, name in imports(path)
        if any(is_part_of(module_of(path), part) for part in WITHOUT_DJANGO)
        and name.partition(".")[0] in {"django", "celery", "kombu", "redis", "ninja"}
    ]
    assert wrong == []


def test_what_reads_and_then_writes_queues_in_every_database():
    """A plain transaction is safe in SQLite only: take serialized() of ivmweb.transactions."""
    plain = {module_of(path) for path in source_files() if "transaction.atomic" in path.read_text()}
    assert plain <= PLAIN_TRANSACTIONS


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("ivmweb.system.services", "migration.models"),
        ("migration.journal", "migration.tasks"),
        ("migration.tasks", "migration.services"),
        ("migration.mover.sender", "migration.states"),
        ("migration.mover.sender", "ivmweb.hypervisor.vmc.client"),
        ("migration.states", "migration.models"),
        ("ivmweb.common.errors", "ivmweb.hypervisor.base"),
        ("ivmweb.hypervisor.qemu.driver", "ivmweb.hypervisor.simulated.memory"),
        ("migration.services", "ivmweb.pages.access"),
    ],
)
def test_a_wrong_arrow_is_noticed(importer, imported):
    assert is_wrong(importer, imported)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("migration.views", "migration.services"),
        ("migration.views", "ivmweb.common.errors"),
        ("ivmweb.pages.nav", "migration.services"),
        ("migration.mover.sender", "ivmweb.hypervisor.base"),
        ("migration.management.commands.x", "ivmweb.system.services"),
    ],
)
def test_a_right_arrow_passes(importer, imported):
    assert not is_wrong(importer, imported)
