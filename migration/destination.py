"""The destination role: *prepare*, what each record brings with it, and how each effect is carried out."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.fault_points import reached
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Fence
from ivmweb.system import services as system
from ivmweb.system.models import LogicalPartition, PartitionState
from ivmweb.transactions import serialized
from migration import admission, leases, look, partner, roles, turns
from migration.journal import note, publish
from migration.models import Activity, Migration, MigrationType, MobilityToken, RemoteSystem
from migration.peer.auth import seal
from migration.peer.configuration import placement_from, plan_from
from migration.peer.local import own_identity, own_name
from migration.peer.messages import Answered, Mover, PrepareRequest
from migration.peer.remotes import is_still_known
from migration.roles import ALL_ARRIVED, LINK_LOST, Change, because, ended, hold_reason
from migration.states import ABORTS, Effect, Fact, Role, Seen, State
from migration.validation import first_failure
from migration.validation.facts import volumes_of

SEE_THERE = "The Status page there says why."
PREPARED_FOR_S = 60.0  # dead-man timer of a reservation that no state reaches


def prepare(request: PrepareRequest, token: MobilityToken, remote: RemoteSystem) -> Answered:
    """Reserve everything the partition needs, once; the same request again gets the same answer.

    1. An id already known is answered from its row, and never made again.
    2. The checks run again; the first that fails is raised as PrerequisiteFailed, and nothing was changed.
    3. Reservations, shell partition and row are one transaction.
    """
    known = find(request) or make(request, token, remote)
    if request.inactive and known.state == State.PREPARED and look.look(known, None).fact is Fact.NONE:
        define_inactive(known)
    return answer(known)


def find(request: PrepareRequest) -> Migration | None:
    return Migration.objects.filter(pk=request.migration_id, role=Role.DESTINATION).first()


def make(request: PrepareRequest, token: MobilityToken, remote: RemoteSystem) -> Migration:
    """The new row; or the one that came meanwhile, of the same request sent again or of an abort's tombstone."""
    try:
        failure = first_failure(request, token) or copied_disks(request)  # Validate may be long ago
        if failure is not None:
            raise failure
        return reserve(request, token, remote)
    except (PrerequisiteFailed, IntegrityError) as exc:
        known = find(request)
        if known is not None:
            return known
        is_migrating = Migration.objects.open().filter(partition_uuid=request.configuration.uuid).exists()
        if isinstance(exc, IntegrityError) and is_migrating:  # the row of another migration of this partition
            raise PrerequisiteFailed("partition-is-migrating", partition=request.configuration.name) from exc
        raise


def copied_disks(request: PrepareRequest) -> PrerequisiteFailed | None:
    """Why the LUNs here are not those of the source, which has just written this migration's id to each of its own.

    With a copy the partition would come as far as *loaded* and stay there: the offer of the source is on its own LUN.
    """
    wanted, here = request.configuration, own_name()
    copies = [
        volume.name
        for volume in volumes_of(wanted, can_ask=True).values()
        if volume.seen and volume.seen.mark not in {None, str(request.migration_id)}
    ]
    if not copies:
        return None
    names = {"partition": wanted.name, "lpar_id": wanted.lpar_id, "source": request.hello.host_name}
    return PrerequisiteFailed("disks-are-copies", disks=", ".join(copies), system=here, **names)


def reserve(request: PrepareRequest, token: MobilityToken, remote: RemoteSystem) -> Migration:
    configuration = request.configuration
    state = PartitionState.migrating(inactive=request.inactive)
    reached("destination", "write", "prepared", "before")
    with serialized():
        if Migration.objects.open().filter(partition_uuid=configuration.uuid).exists():
            raise PrerequisiteFailed("partition-is-migrating", partition=configuration.name)
        admission.refuse_while_held_back()
        if not is_still_known(remote):
            names = {"system_identity": remote.system_identity, "host_name": remote.name, "remote": own_name()}
            raise PrerequisiteFailed("peer-source-unknown", **names)
        full = admission.refusal(Role.DESTINATION, inactive=request.inactive)
        if full is not None:
            raise full
        hold, placement = hold_reason(request.migration_id), placement_from(request.placement)
        shell = system.reserve_shell(plan_from(configuration), hold, state, placement)
        migration = Migration.objects.create(
            pk=request.migration_id,
            role=Role.DESTINATION,
            type=MigrationType.INACTIVE if request.inactive else MigrationType.ACTIVE,
            state=State.PREPARED,
            wants="" if request.inactive else "mover-in",
            reserved_until=leases.now() + PREPARED_FOR_S,
            lease_boot=leases.boot_id(),
            partition=shell,
            partition_uuid=configuration.uuid,
            partition_name=configuration.name,
            lpar_id=shell.lpar_id,
            remote_lpar_id=configuration.lpar_id,
            configuration=configuration.model_dump(mode="json"),
            remote=remote,
            remote_manager=remote.name,
            remote_user=request.user,
            user=token.user,
            secret=seal(bytes.fromhex(request.secret)),
            partner_incarnations=request.incarnation,
            bytes_total=0 if request.inactive else configuration.memory_mb * 2**20,
            bytes_remaining=0 if request.inactive else configuration.memory_mb * 2**20,
        )
        note(migration.pk, Sentence(_("prepared for {remote}"), {"remote": remote.name}), to_state=State.PREPARED)
        publish(migration)
    reached("destination", "write", "prepared", "after")
    return migration


def write_tombstone(migration_id: UUID, remote: RemoteSystem, incarnation: str) -> Migration:
    """`declined` for an id never seen; the same again for one that a *prepare* made in between."""
    reached("destination", "write", "tombstone", "before")
    fields = tombstone_fields(migration_id, remote, incarnation)
    migration, _created = Migration.objects.get_or_create(pk=migration_id, defaults=fields)
    reached("destination", "write", "tombstone", "after")
    return migration


def decline_unwritten(migration_id: UUID, remote: RemoteSystem, incarnation: str) -> Answered:
    """The same answer without a row: for who could never have had the id prepared, so that none can come late."""
    return answer(Migration(pk=migration_id, **tombstone_fields(migration_id, remote, incarnation)), Fact.NONE)


def tombstone_fields(migration_id: UUID, remote: RemoteSystem, incarnation: str) -> dict[str, Any]:
    return {
        "role": Role.DESTINATION,
        "type": MigrationType.ACTIVE,
        "state": State.DECLINED,
        "released": True,
        "partition_uuid": migration_id,
        "partition_name": "-",
        "lpar_id": 0,
        "remote": remote,
        "remote_manager": remote.name,
        "partner_incarnations": incarnation,
        "activity": Activity.ENDED,
        "ended_at": timezone.now(),
    }


def define_inactive(migration: Migration) -> None:
    """The hypervisor gets the definition of a partition that moves powered off; raises HypervisorError.

    Under a lease, since only its epoch is newer than those of earlier commands to that ID. While a worker has it
    nothing is done: the answer then says that the definition is missing, and the source asks again.
    """
    fence = leases.claim(migration.pk, "web", as_read=migration)
    if fence is None:
        return
    try:
        if migration.partition is not None:
            system.hypervisor().create(system.definition_of(migration.partition), fence)
    finally:
        leases.release(fence)


def answer(migration: Migration, fact: Fact | None = None) -> Answered:
    """This side's state and fact now, for the partner."""
    mover = None
    if migration.mover_port and migration.state == State.PREPARED:
        mover = Mover(host=migration.mover_host, port=migration.mover_port, fingerprint=migration.mover_fingerprint)
    return Answered(
        fact=fact or look.look(migration, None).fact,
        forced=migration.forced,
        incarnation=partner.own_incarnation(),
        knows=partner.newest(migration),
        digest=migration.local_digest,
        lpar_id=0 if migration.is_source else migration.lpar_id,
        mover=mover,
        suspension_ms=None if migration.is_source else migration.suspension_ms,
        **partner.said_by(migration),
    )


def entering(migration: Migration, state: State, seen: Seen) -> Change:
    if state is State.LOADED:
        return ALL_ARRIVED
    if state is State.ACCEPTED:
        return Change(Sentence(_("accepted")), {"activity": Activity.HANDING_OVER, "wants": ""})
    if state is State.STARTED:
        return Change(
            Sentence(started_text(migration, seen)),
            {"activity": Activity.CLEANING_UP, "percent": 100, "bytes_remaining": 0, "local_error": ""},
            lambda: begin_to_run(migration, seen),
        )
    if state is State.DECLINED:
        cause = why_declined(migration, seen)
        fields = {**ended(), **cause, "activity": Activity.ROLLING_BACK, "wants": ""}
        return Change(Sentence(_("declined")), fields, lambda: turns.give_back(migration))
    if state is State.SETTLED:
        return Change(Sentence(_("the source has let go; it stays here")), also=lambda: take_over(migration, seen))
    if state is State.YIELDED:
        by_source = _("given back to the source, which an operator had ordered to run it")
        text = Sentence(_("left to the source by an operator's order") if migration.forced else by_source)
        return Change(text, {**ended(), "activity": Activity.ROLLING_BACK, "wants": ""})
    if state is State.CLOSED_MOVED:
        return Change(Sentence(_("the source has ended it")), ended(), lambda: let_go(migration))
    return Change()


def begin_to_run(migration: Migration, seen: Seen) -> None:
    """Its suspension is over."""
    take_over(migration, seen)
    turns.give_back(migration)


def why_declined(migration: Migration, seen: Seen) -> dict[str, object]:
    """Columns for the cause; empty where the one on record stands, or none is known here.

    A lost connection says little where the source knows more: Stop, or what ended its mover.
    """
    names = {"remote": migration.remote.name, "partition": migration.partition_name}
    if migration.stop_requested:
        return {"code": "", "message_key": "", "message_params": {}}
    if seen.partner is not None and seen.partner.state is State.FORCED_BACK:
        return roles.forced_back_there(migration)
    if migration.message_key not in {"", LINK_LOST}:
        return {}
    if seen.partner is not None and seen.partner.state in ABORTS:
        theirs = migration.partner_cause
        if theirs.get("key") == LINK_LOST:
            return {} if migration.message_key else because("mover-silent", system=settings.CONSOLE, **names)
        if theirs:
            return roles.rolled_back_there(migration, f"[{theirs['code']}] {theirs['text']}")
        return {} if migration.message_key else roles.rolled_back_there(migration, SEE_THERE)
    if migration.message_key:
        return {}
    if migration.state == State.LOADED and seen.fact in {Fact.DEAD, Fact.NONE}:
        return because("image-lost", system=settings.CONSOLE, **names)
    return {}


def started_text(migration: Migration, seen: Seen) -> str:
    if migration.is_inactive:
        return _("the partition is here, not activated")
    return _("running here") if seen.fact is Fact.RUN else _("the partition is here, but not running")


def take_over(migration: Migration, seen: Seen) -> None:
    """The shell becomes an ordinary partition; an inactive one may be activated from now on."""
    if migration.partition is None:
        return
    running = seen.fact is Fact.RUN and not migration.is_inactive
    system.set_state(migration.partition, PartitionState.RUNNING if running else PartitionState.NOT_ACTIVATED)
    if migration.is_inactive:
        let_go(migration)


def let_go(migration: Migration) -> None:
    if migration.partition is not None:
        system.release_hold(migration.partition.pk, hold_reason(migration.pk))


# Effects


def take_word(migration: Migration, fence: Fence) -> None:
    source = migration.remote.system_identity
    system.hypervisor().change_owner_words(
        migration.lpar_id,
        look.offered_by(source, migration),
        look.owned_by(own_identity(), migration),
        fence,
    )


def return_word(migration: Migration, fence: Fence) -> None:
    source = migration.remote.system_identity
    system.hypervisor().change_owner_words(
        migration.lpar_id,
        look.owned_by(own_identity(), migration),
        look.offered_by(source, migration),
        fence,
    )


def release(migration: Migration, fence: Fence) -> None:
    """Give back memory, units, slots, shell and mappings, all or nothing."""
    reached("destination", "write", "released", "before")
    with serialized():
        shell = LogicalPartition.objects.filter(hold=hold_reason(migration.pk)).first()
        if shell is not None:
            system.release_shell(shell)
        rows = Migration.objects.filter(pk=migration.pk, released=False)
        if rows.update(released=True, activity=Activity.ENDED, ended_at=timezone.now()):
            note(migration.pk, Sentence(_("all reservations given back")), fence=fence)
        publish(migration)
    reached("destination", "write", "released", "after")


EFFECTS: dict[Effect, Callable[[Migration, Fence], None]] = {
    **roles.EFFECTS,
    Effect.TAKE_WORD: take_word,
    Effect.RETURN_WORD: return_word,
    Effect.RELEASE: release,
}
