"""The standing cast: uli13 is this console's server; uli13lp1 runs on it, uli13lp2 is off, `blocked` can't move."""

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import translation

import ivmweb.hypervisor
from ivmweb.lab import data
from ivmweb.system import rights, services
from ivmweb.system.epochs import operator_fence
from tests import factories
from tests.scripted_hypervisor import ScriptedHypervisor


@pytest.fixture(autouse=True)
def no_database_before(tmp_path, settings):
    """Each test has a database of its own; the next one is no backup of it."""
    settings.INCARNATION_FILE = tmp_path / "incarnation"


@pytest.fixture(autouse=True)
def no_language_before():
    """A page that a test asks for in Chinese leaves its thread so."""
    translation.deactivate()


@pytest.fixture
def state_folder(settings, tmp_path):
    settings.STATE_DIR = tmp_path


@pytest.fixture
def hypervisor(monkeypatch, settings):
    """In memory, and told by the test; services.hypervisor() answers it."""
    scripted = ScriptedHypervisor()
    monkeypatch.setitem(ivmweb.hypervisor.DRIVERS, "scripted", lambda path, host: scripted)
    settings.HYPERVISOR = "scripted"
    return scripted


@pytest.fixture
def uli13(db, hypervisor):
    return factories.make_system()


@pytest.fixture
def uli13lp1(uli13, hypervisor):
    partition = factories.make_lab_partition(data.ULI13LP1)
    hypervisor.create(services.definition_of(partition), operator_fence())
    hypervisor.boot(partition.lpar_id, data.UPTIME_S)
    return partition


@pytest.fixture
def uli13lp2(uli13, hypervisor):
    partition = factories.make_lab_partition(data.ULI13LP2)
    hypervisor.create(services.definition_of(partition), operator_fence())
    return partition


@pytest.fixture
def blocked(uli13, hypervisor):
    partition = factories.make_blocked()
    hypervisor.create(services.definition_of(partition), operator_fence())
    hypervisor.boot(partition.lpar_id)
    return partition


@pytest.fixture
def padmin(db):
    return factories.make_user("padmin", rights.PRIME_ADMINISTRATOR)


@pytest.fixture
def viewer(db):
    return factories.make_user("viewer", rights.VIEW_ONLY)


@pytest.fixture
def kept_connection():
    """A request ends its connection, which here is the test's own with its transaction."""
    signals = (request_started, request_finished)
    for each in signals:
        each.disconnect(close_old_connections)
    yield
    for each in signals:
        each.connect(close_old_connections)
