"""The long parts that workers run: beginning a migration, sending the state, receiving it."""

import logging
import time

from django.conf import settings

from ivmweb.common.errors import HypervisorError, IvmError, OperationFailed, PeerError
from ivmweb.common.fault_points import reached
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Fence
from ivmweb.system import services as system
from ivmweb.system.models import LogicalPartition, ManagedSystem
from migration import admission, leases, partner, turns
from migration.credentials import keep_for_queue
from migration.journal import advance, note, publish
from migration.leases import Fenced
from migration.models import Activity, Migration
from migration.mover import receiver, sender
from migration.mover.convergence import Limits
from migration.mover.errors import called
from migration.mover.link import MoverAddress
from migration.mover.listener import Listener, PortRange
from migration.mover.progress import Progress
from migration.peer.auth import unseal
from migration.peer.client import PeerClient
from migration.peer.configuration import configuration_of
from migration.peer.local import own_hello, own_identity, version_now
from migration.peer.messages import Answered, PlacementWish, PrepareRequest, TurnRequest
from migration.progress import Reporter, at_least
from migration.recovery import finish
from migration.roles import ALL_ARRIVED
from migration.states import GIVEN_UP, TAKEN_OVER, Answer, Fact, State
from migration.telling import Teller

logger = logging.getLogger(__name__)

DESTINATION_READY_S = 30.0
ASK_EVERY_S = 0.1
RMC_ANSWER_S = 5.0  # of one question; Stop is seen between two
TELL_EVERY_S = 1.0
CONSOLE_SILENT_S = 30.0  # how long a partition runs on with everything sent before the migration is given up
HYPERVISOR_PATIENCE_S = 20.0  # longest silence of one call to the hypervisor


class StopPressed(Exception):
    """Stop was pressed between two steps."""


class NoRoomThere(Exception):
    """The destination makes as many migrations as it supports; `text` is what it said."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


def explain(migration: Migration, fence: Fence, error: IvmError) -> None:
    """Keep the first reason why a migration does not go on.

    None at a destination that has declined, or whose source was stopped: that its link was cut then is no reason.
    """
    if error.params.get("partition") == called(migration.lpar_id):
        error.params["partition"] = f"{migration.partition_name} (ID {migration.lpar_id})"
    logger.warning("migration %s: %s", migration.pk, error)
    note(migration.pk, Sentence.of(error), fence=fence, worker=migration.worker)
    migration.refresh_from_db()
    is_known = not migration.is_source and (migration.stop_requested or migration.state in GIVEN_UP)
    if not migration.code and not is_known:
        Migration.objects.filter(pk=migration.pk, epoch=fence.epoch).update(
            code=error.code, message_key=error.key, message_params=error.params
        )
    migration.refresh_from_db()


def partition_of(migration: Migration) -> LogicalPartition:
    """Raises OperationFailed where somebody has removed its records."""
    if migration.partition is None:
        raise OperationFailed("partition-records-gone", partition=migration.partition_name, lpar_id=migration.lpar_id)
    return migration.partition


# Source, queue "control"


def begin(migration: Migration, fence: Fence) -> None:
    """Ask the partition and prepare the destination, then hand the migration to the mover.

    The partition comes first: its answer may take as long as the wait time allows, and the destination would hold its
    reservations for it.

    Ends with the lease given back: to the mover's queue, or after a roll-back, or with an inactive one moved.
    """
    answer = None
    try:
        if not migration.is_inactive:
            ask_partition(migration, fence)
        answered = prepare_destination(migration, fence)
        if not migration.is_inactive:
            hand_to_mover(migration, fence, answered)
            return
        answer = partner.answer_of(migration, answered)
    except StopPressed:
        pass
    except NoRoomThere as full:
        with PeerClient(migration.remote) as client:
            keep_for_queue(client, migration)
        names = {"remote": migration.remote.name, "text": full.text}
        admission.back_into_queue(migration, fence, Sentence(admission.WAITS_AGAIN, names))
        return
    except IvmError as exc:
        explain(migration, fence, exc)
    finish(migration, fence, told=answer)


def prepare_destination(migration: Migration, fence: Fence) -> Answered:
    configuration = configuration_of(partition_of(migration))
    # Kept: a destination that loses its database after the move can have the partition's records again (lost.py).
    Migration.objects.filter(pk=migration.pk).update(configuration=configuration.model_dump(mode="json"))
    system.hypervisor().mark_luns(migration.lpar_id, fence)  # before the destination looks for it
    request = PrepareRequest(
        migration_id=migration.pk,
        hello=own_hello(version_now()),
        inactive=migration.is_inactive,
        secret=unseal(bytes(migration.secret)).hex(),
        remote_user=migration.remote_user,
        user=migration.user,
        incarnation=partner.own_incarnation(),
        configuration=configuration,
        placement=PlacementWish.model_validate(migration.placement),
    )
    token = unseal(bytes(migration.token)).decode()
    deadline = time.monotonic() + DESTINATION_READY_S
    with PeerClient(migration.remote) as client:
        while True:
            check_stop(migration)
            leases.renew(fence, busy_s=partner.patience_s())
            answered = prepare_once(client, token, request, deadline)
            if answered is not None:
                partner.remember(migration, answered)
                if answered.state != State.PREPARED:
                    names = {"partition": migration.partition_name, "remote": migration.remote.name}
                    raise PeerError("peer-declined", permanent=True, **names)
                admission.prepared(migration, fence)
                if answered.mover is not None or (migration.is_inactive and answered.fact == Fact.DEAD):
                    return answered
            if time.monotonic() > deadline:
                raise PeerError("peer-not-ready", permanent=False, remote=migration.remote.name)
            time.sleep(ASK_EVERY_S)


def prepare_once(client: PeerClient, token: str, request: PrepareRequest, deadline: float) -> Answered | None:
    """None where asking again may help."""
    try:
        return client.prepare(token, request)
    except PeerError as exc:
        if exc.params.get("remote_key") in admission.NO_ROOM:
            raise NoRoomThere(str(exc.params["remote_message"])) from exc
        if exc.permanent or time.monotonic() > deadline:
            raise
        return None


def ask_partition(migration: Migration, fence: Fence) -> None:
    """RMC: may the operating system be moved now? Silence is asked again until the wait time is over."""
    hypervisor = system.hypervisor()
    deadline = time.monotonic() + migration.wait_minutes * 60.0
    while True:
        check_stop(migration)
        leases.renew(fence, busy_s=RMC_ANSWER_S)
        try:
            hypervisor.prepare_for_migration(migration.lpar_id, RMC_ANSWER_S)
            break
        except HypervisorError as exc:
            if exc.key != "rmc-silent" or time.monotonic() > deadline:
                raise
    hypervisor.reset_heartbeat_gap(migration.lpar_id)  # from here on the largest gap is this migration's


def hand_to_mover(migration: Migration, fence: Fence, answered: Answered) -> None:
    check_stop(migration)
    assert answered.mover is not None  # noqa: S101 (prepare_destination waits for it)
    reached("source", "write", "handed to the mover", "before")
    leases.release(
        fence,
        wants="mover-out",
        reserved_until=leases.now() + admission.WANTED_FOR_S,
        mover_host=answered.mover.host,
        mover_port=answered.mover.port,
        mover_fingerprint=answered.mover.fingerprint,
        activity=Activity.TRANSFERRING,
    )
    reached("source", "write", "handed to the mover", "after")
    publish(migration)


def check_stop(migration: Migration) -> None:
    migration.refresh_from_db(fields=["stop_requested", "state"])
    if migration.stop_requested or migration.state != State.TRANSFERRING:
        raise StopPressed


# Source, queue "mover-out"


def send(migration: Migration, fence: Fence) -> None:
    """Send the state, and once the destination has all of it, hand the partition over over an open connection."""
    told = None
    loaded = None
    with PeerClient(migration.remote) as client, Teller(migration) as teller:
        reporter = Reporter(migration, fence, teller.tell)
        try:
            loaded = sender.send_state(
                system.hypervisor(),
                migration.lpar_id,
                fence,
                address_of(migration),
                limits,
                sender.Hooks(
                    on_progress=reporter.report,
                    should_stop=Heartbeat(migration, fence).stop_wanted,
                    may_suspend=Readiness(migration, fence, client).is_there,
                ),
            )
            told = Answer(state=State.LOADED, fact=Fact.LOADED)
        except IvmError as exc:
            explain(migration, fence, exc)
        try:
            finish(migration, fence, told=told, client=client)
        finally:
            if not is_being_resumed(migration):  # else its turn ends with the migration
                turns.give_back(migration)
            if loaded is not None:
                loaded.close()
                reporter.write_totals(loaded.progress)
                keep_stream_digest(migration, loaded.digest)


def keep_stream_digest(migration: Migration, digest: str) -> None:
    """For a hypervisor that hashes no pages: what went in has to be what came out."""
    try:
        hashes_pages = system.hypervisor().describe_system().capacity.hashes_pages
    except HypervisorError as exc:
        logger.info("migration %s: %s", migration.pk, exc)
        return
    if digest and not hashes_pages:
        Migration.objects.filter(pk=migration.pk).update(local_digest=digest, digest_kind="stream")


def is_being_resumed(migration: Migration) -> bool:
    """The destination has accepted it, and has not said yet that it runs: it is suspended for some moments more."""
    return migration.state == State.COMPLETING and migration.partner_state == State.ACCEPTED


def address_of(migration: Migration) -> MoverAddress:
    return MoverAddress(
        host=migration.mover_host,
        port=migration.mover_port or 0,
        fingerprint=migration.mover_fingerprint,
        key=unseal(bytes(migration.secret)),
        migration_id=migration.pk,
    )


def limits() -> Limits:
    """What the administrator allows now; asked again and again while it runs."""
    here = ManagedSystem.objects.get()
    return Limits(
        bandwidth_bytes_per_s=here.migration_bandwidth_bytes_per_s or None,
        allowed_suspension_ms=here.allowed_suspension_ms,
        slow_partition=here.slow_partition,
        suspend_anyway=here.suspend_anyway,
    )


class Readiness:
    """Asks the destination's console for a sign of life before the partition is suspended.

    A console that is away would leave the partition suspended until it is back, so it runs on here instead, and after
    a while the migration is given up. The call also opens the connection over which the surrender is told. Then it
    takes its turn: no two partitions on the same link are suspended at the same time. For that it waits some time
    only, and where the other console does not answer about it not at all.
    """

    def __init__(self, migration: Migration, fence: Fence, client: PeerClient) -> None:
        self.migration, self.fence, self.client = migration, fence, client
        self.silent_since: float | None = None
        self.refused_since: float | None = None
        self.is_asked_there = True  # for the turn

    def is_there(self) -> bool:
        leases.renew(self.fence, busy_s=partner.patience_s())
        try:
            self.client.hello()
            self.silent_since = None
            partner.forget_silence(self.migration)
        except PeerError as exc:
            partner.remember_silence(self.migration, exc)
            self.silent_since = self.silent_since or time.monotonic()
            if time.monotonic() - self.silent_since > CONSOLE_SILENT_S:
                raise
            return False
        finally:
            leases.renew(self.fence)
        return self.has_turn() or self.has_waited()

    def has_turn(self) -> bool:
        if not turns.take(self.migration):
            return False
        if self.turn_there():
            self.refused_since = None
            return True
        turns.give_back(self.migration)  # others of this console wait for the same row
        return False

    def turn_there(self) -> bool:
        """Asked once more where it said no. One that says nothing is not asked again."""
        if not self.is_asked_there or not turns.is_kept_there(own_identity(), self.migration.remote.system_identity):
            return True
        leases.renew(self.fence, busy_s=turns.ANSWER_S)
        request = TurnRequest(migration_id=self.migration.pk, role="source")
        try:
            return self.client.turn(unseal(bytes(self.migration.secret)), request, turns.ANSWER_S)
        except PeerError as exc:
            logger.info("migration %s: suspended without a turn there: %s", self.migration.pk, exc)
            self.is_asked_there = False
            return False  # once: `hello` opens the connection for the surrender again

    def has_waited(self) -> bool:
        """Long enough for a courtesy."""
        self.refused_since = self.refused_since or time.monotonic()
        return time.monotonic() - self.refused_since > turns.PATIENCE_S


class Heartbeat:
    """Renews the lease about once a second and says whether to stop."""

    def __init__(self, migration: Migration, fence: Fence) -> None:
        self.migration, self.fence = migration, fence
        self.renewed_at = 0.0

    def stop_wanted(self) -> bool:
        if time.monotonic() - self.renewed_at < min(TELL_EVERY_S, settings.LEASE_S / 4):
            return False
        leases.renew(self.fence)
        self.renewed_at = time.monotonic()
        return (
            not Migration.objects.filter(pk=self.migration.pk, stop_requested=False)
            .filter(state__in=[State.TRANSFERRING, State.PREPARED])
            .exists()
        )


# Destination, queue "mover-in"


def receive(migration: Migration, fence: Fence) -> None:
    """Let the partition's shell wait for its state, receive it, and record it loaded."""
    hypervisor = system.hypervisor()
    heartbeat = Heartbeat(migration, fence)
    reporter = Reporter(migration, fence)
    try:
        with Listener(
            settings.MOVER_BIND,
            PortRange.parse(settings.MOVER_PORTS),
            unseal(bytes(migration.secret)),
            migration.pk,
        ) as listener:
            leases.renew(fence, busy_s=HYPERVISOR_PATIENCE_S)
            hypervisor.create_incoming(system.definition_of(partition_of(migration)), fence)
            reached("destination", "write", "mover address", "before")
            leases.renew(
                fence,
                mover_host=settings.MOVER_HOST,
                mover_port=listener.port,
                mover_fingerprint=listener.fingerprint,
            )
            reached("destination", "write", "mover address", "after")
            received = receiver.receive_state(
                hypervisor,
                migration.lpar_id,
                fence,
                listener,
                receiver.Hooks(
                    on_progress=lambda progress: report_received(migration, reporter, progress),
                    on_loaded=lambda: record_loaded(migration, fence),
                    should_stop=lambda: not_recorded(migration) and heartbeat.stop_wanted(),
                ),
            )
    except IvmError as exc:
        if isinstance(exc, HypervisorError) and exc.key == "stale-epoch":
            raise Fenced(str(migration.pk)) from exc
        explain(migration, fence, exc)
        Migration.objects.filter(pk=migration.pk, epoch=fence.epoch).update(reserved_until=leases.now())
    else:
        Migration.objects.filter(pk=migration.pk).update(
            bytes_transmitted=at_least("bytes_transmitted", received.bytes_transmitted),
            passes=at_least("passes", received.passes),
        )
        keep_stream_digest(migration, received.digest)
    migration.refresh_from_db()
    if migration.epoch == fence.epoch and migration.state in {State.PREPARED, State.DECLINED}:
        finish(migration, fence)  # declined: an abort was recorded while this worker had the lease


def not_recorded(migration: Migration) -> bool:
    return migration.state == State.PREPARED


def report_received(migration: Migration, reporter: Reporter, progress: Progress) -> None:
    if not_recorded(migration):
        reporter.report(progress)


def record_loaded(migration: Migration, fence: Fence) -> None:
    """On disk before the source hears of it; the lease is given back so that its answer finds it free.

    What the source tells meanwhile may have had it recorded already, and accepted: then it goes on as well.
    """
    migration.refresh_from_db()
    if migration.state == State.PREPARED and not advance(
        migration,
        State.LOADED,
        fence=fence,
        text=ALL_ARRIVED.text,
        **ALL_ARRIVED.fields,
    ):
        migration.refresh_from_db()
    if migration.state != State.LOADED and migration.state not in TAKEN_OVER:
        names = {"partition": migration.partition_name, "remote": migration.remote.name}
        raise OperationFailed("migration-overtaken", state=migration.state, **names)
    leases.release(fence, due_in_s=partner.retry_s())
