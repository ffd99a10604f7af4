"""One console, uli13, with a scripted hypervisor; uli14's console is a script of this folder (partner.py)."""

import uuid
from dataclasses import asdict

import pytest
from django.utils import timezone

import ivmweb.celery  # noqa: F401 (as every process of a console has it)
import migration.credentials
import migration.partner
from ivmweb.hypervisor.base import OwnerWord
from ivmweb.lab import data
from ivmweb.system import incarnation
from ivmweb.system.models import ManagedSystem
from ivmweb.system.rights import PRIME_ADMINISTRATOR
from migration import destination, leases, lost, restored, services, telling, transfer
from migration.credentials import Credentials
from migration.models import Migration, MobilityToken, RemoteSystem
from migration.peer import local
from migration.peer.auth import hash_of
from migration.peer.messages import Configuration, OpenAnswer, PrepareRequest
from tests import factories
from tests.handover.partner import TOKEN, ScriptedClient, ScriptedPartner, hello_of

SECRET = bytes(range(32))


class Clock:
    """Stands in for the monotonic clock of leases; a test moves it on."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now

    def pass_s(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(leases.now())
    monkeypatch.setattr(leases, "now", clock)
    return clock


@pytest.fixture(autouse=True)
def fresh_version(monkeypatch):
    monkeypatch.setattr(local, "_version", (0.0, ""))


@pytest.fixture
def scripted(settings):
    """The console's hypervisor is the scripted one; which, is for the test to say."""
    settings.HYPERVISOR = "scripted"


def make_uli14():
    return RemoteSystem.objects.create(
        name="uli14",
        address="127.0.0.1:1",
        certificate="not used",
        fingerprint="not used",
        system_name=data.ULI14.name,
        system_identity=data.ULI14.identity,
    )


@pytest.fixture
def uli14(uli13):
    return make_uli14()


@pytest.fixture
def partner(uli14, monkeypatch):
    scripted = ScriptedPartner()
    for module in (migration.partner, migration.credentials, transfer, telling, services):
        monkeypatch.setattr(module, "PeerClient", lambda remote, **_: ScriptedClient(scripted, remote))
    return scripted


@pytest.fixture
def credentials(uli14):
    return Credentials(uli14, "uli14", "padmin", TOKEN)


@pytest.fixture
def start(credentials, partner):
    """Press Migrate, past validation; with `state`, as far as that record, and nobody at work."""

    def start(partition, state=None, **fields):
        started = services.start(partition, credentials, "padmin", 5)
        if state is not None:
            Migration.objects.filter(pk=started.pk).update(state=state, wants="", **fields)
        return fetch(started)

    return start


@pytest.fixture
def token(uli13):
    """What uli14's console was given here for padmin's password."""
    factories.make_user("padmin", PRIME_ADMINISTRATOR)
    return MobilityToken.objects.create(
        hash=hash_of("a token given here"),
        user="padmin",
        system_identity=data.ULI14.identity,
        expires_at=timezone.now() + timezone.timedelta(minutes=15),
    )


@pytest.fixture
def prepare(uli14, partner, token, hypervisor):
    """uli14 asks this console to prepare for a partition of its own."""

    def prepare(request=None, **changes):
        request = request or request_of(**changes)
        own_luns(hypervisor, request)
        destination.prepare(request, token, uli14)
        return fetch_id(request.migration_id)

    return prepare


@pytest.fixture
def incoming(prepare, hypervisor):
    """A migration to here, as far as `state`, with the hypervisor as it is then; nobody is at work on it."""

    def incoming(state="prepared", **changes):
        migration = prepare(**changes)
        Migration.objects.filter(pk=migration.pk).update(state=state, wants="")
        migration = fetch(migration)
        if not migration.is_inactive:
            fence = leases.claim(migration.pk, "mover-in")
            hypervisor.create_incoming(services.system.definition_of(migration.partition), fence)
            leases.release(fence)
            if state != "prepared":
                hypervisor.load(migration.lpar_id)
                offer(hypervisor, migration)
        return fetch(migration)

    return incoming


def configuration(partition_uuid=None, hdisks=(3, 4)):
    plan = factories.small_plan(
        "uli14lp9",
        memory_mb=256,
        uuid=partition_uuid or uuid.uuid4(),
        adapters=(factories.adapter_plan(*hdisks),),
        ethernets=(factories.ethernet_plan(),),
    )
    return Configuration.model_validate(asdict(plan))


def request_of(inactive=False, **changes):
    fields = {
        "migration_id": uuid.uuid4(),
        "hello": hello_of(data.ULI14),
        "inactive": inactive,
        "secret": SECRET.hex(),
        "remote_user": "padmin",
        "user": "padmin",
        "configuration": configuration(),
    } | changes
    return PrepareRequest(**fields)


def own_luns(hypervisor, request):
    """The SAN says that the partition is at uli14."""
    owner = OwnerWord(str(request.configuration.uuid), data.ULI14.identity)
    disks = [disk for adapter in request.configuration.adapters for disk in adapter.disks]
    hypervisor.san |= {disk.unique_id: owner for disk in disks}


def offer(hypervisor, migration, system=data.ULI14.identity):
    """The LUNs, as a source that surrendered leaves them."""
    from migration import look

    run = hypervisor.runs[migration.lpar_id]
    run.words = [look.offered_by(system, migration) for _ in run.words]


def fetch(migration):
    return fetch_id(migration.pk)


def fetch_id(migration_id):
    return Migration.objects.select_related("remote", "partition", "task").get(pk=migration_id)


@pytest.fixture
def file(tmp_path, settings, uli13):
    """The file of a console that has run for a while."""
    settings.INCARNATION_FILE = tmp_path / "incarnation"
    restored.look()
    return settings.INCARNATION_FILE


@pytest.fixture
def restore(file):
    """The database is replaced by a backup of it; as a test it says so in the file only."""

    def restore():
        known = incarnation.read()
        incarnation.write(incarnation.Known("of the database before the restore", known.epoch))
        assert restored.look()

    return restore


class Knows(list):
    """Migrations, newest first; the partitions that uli14 has, on record or not; all of a migration, by its id."""

    def __init__(self):
        super().__init__()
        self.has, self.without_record, self.details = [], [], {}


@pytest.fixture
def knows(partner, monkeypatch):
    """What uli14 answers to the question."""
    known = Knows()

    class Client:
        def __init__(self, remote, timeout_s):
            self.remote = remote

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def open_migrations(self, wanted):
            partner.answer_or_not()
            details = known.details.get(wanted)
            on_record = tuple(one for one in known.has if one not in known.without_record)
            return OpenAnswer(migrations=tuple(known), present=tuple(known.has), on_record=on_record, lost=details)

    monkeypatch.setattr(lost, "PeerClient", Client)
    monkeypatch.setattr(lost, "question_for", lambda remote, wanted: wanted)
    return known


def held_back():
    return ManagedSystem.objects.get().held_back
