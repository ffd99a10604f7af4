"""One laboratory for all end-to-end tests: two consoles with all their processes, short leases, small partitions."""

import os
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from tests.e2e.world import CONSOLES, World, wait_for
from tools import postgres
from tools.lab import Lab, LabOptions

PORT_OFFSET = 20_000
MEMORY_MB = 64
SLOW = 12_000_000  # bytes per second: 64 MB take more than five seconds, so that a busy machine still acts half-way


@contextmanager
def new_database(server):
    """The URL of an empty database on that server; both are gone afterwards."""
    name = f"ivm_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield f"{server.rpartition('/')[0]}/{name}"
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def databases():
    """One of the two consoles is on PostgreSQL where `./ivm test` has started or been given a server."""
    server = os.environ.get(postgres.GIVEN)
    if not server:
        yield {}
        return
    with new_database(server) as url:
        yield {os.environ.get(postgres.CONSOLE, "uli14"): url}


def quick_lab(folder, *, more_ports=0, **more):
    """Small partitions and short leases; `more_ports` keeps it apart from another one of the same run."""
    quick = {
        "fast": True,
        "memory_mb": MEMORY_MB,
        "workload": 2,
        "boot_step_ms": 5,
        "lease_s": 3,
        "recovery_grace_s": 1,
        "schedule_s": 0.5,
        "ssh": True,
    }
    options = LabOptions(**{**quick, **more})
    return Lab(folder, int(os.environ.get("IVM_TEST_PORT_OFFSET", PORT_OFFSET)) + more_ports, options)


@pytest.fixture(scope="session")
def lab(tmp_path_factory, databases):
    with quick_lab(tmp_path_factory.mktemp("lab"), databases=databases) as running:
        yield running


@pytest.fixture(scope="session")
def world(lab):
    return World(lab)


@pytest.fixture(autouse=True)
def at_home(world):
    """Every test begins with uli13lp1 running on uli13, nothing open, no fault and no limit."""
    bring_home(world)
    yield
    for console in CONSOLES:
        world.set_fault(console)
    world.limit_bandwidth(0)
    world.allow_suspension()


def bring_home(world):
    world.processes_back()
    for console in CONSOLES:
        world.set_fault(console)
    world.limit_bandwidth(0)
    wait_for("all migrations to end", lambda: not any(open_migrations(world, c) for c in CONSOLES), 40)
    for name in ("uli13lp1", "uli13lp2"):
        if world.partition("uli14", name):
            lpar_id = world.partition("uli14", name)["lpar_id"]
            moved = world.visitor("uli14").migrate(lpar_id, "uli13")
            assert world.wait_ended(moved) == ("closed, moved", "closed, moved"), world.why(moved)
    lpar_id = world.partition("uli13", "uli13lp1")["lpar_id"]
    if world.partition("uli13", "uli13lp1")["state"] == "Not Activated":
        world.visitor("uli13").post(
            "/partitions/activate/",
            {"partition": str(lpar_id)},
            page=f"/partitions/activate/?partition={lpar_id}",
        )
    wait_for("uli13lp1 to run", lambda: world.partition("uli13", "uli13lp1")["state"] == "Running", 20)
    wait_for("its hold to be released", lambda: world.partition("uli13", "uli13lp1")["hold"] == "", 20)


def open_migrations(world, console):
    return world.query(
        console,
        "select id, state from migration_migration where state not in "
        "('closed, kept', 'closed, moved', 'declined', 'yielded') or (state = 'declined' and not released)",
    )
