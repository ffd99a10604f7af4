"""What the other consoles know and a restored database does not: asked, settled, and where possible made again.

Every open record of before the restore is in question until then: a later migration of its partition, which this
database has lost, makes it void, and what it still commands would touch the wrong copy. A lost migration that is not
over gets its record back as of its beginning, under `restored`, from which the ordinary recovery goes on; so does one
that brought a partition here whose records are lost. docs/state-machine.md, "A restored database".
"""

import logging
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import PartitionFacts, RunState
from ivmweb.monitor.models import TaskStatus
from ivmweb.system import services as system
from ivmweb.system.epochs import next_epoch, operator_fence
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState
from ivmweb.system.models.partition import MOVED_TO
from ivmweb.transactions import serialized
from migration import partner, recovery, source
from migration.failures import apart
from migration.journal import note, supersede, unfinished_migrations
from migration.leases import Fenced
from migration.models import Migration, MigrationQuerySet, MigrationType, RemoteSystem
from migration.peer.auth import TOMBSTONE_LIFE, seal, unseal
from migration.peer.client import PeerClient
from migration.peer.configuration import configuration_of, plan_from
from migration.peer.local import own_identity
from migration.peer.messages import (
    KNOWN_MIGRATIONS,
    MOST_PARTITIONS,
    Configuration,
    KnownMigration,
    LostMigration,
    OpenAnswer,
    OpenQuestion,
)
from migration.peer.questions import sign
from migration.record_exchange import own_signer
from migration.roles import because, ended, hold_reason
from migration.states import FINAL_STATES, KEPT, TAKEN_OVER, Answer, Role, State, superseded_end

logger = logging.getLogger(__name__)

PATIENCE_S = 3.0  # the schedule waits
RUNS = frozenset(
    {RunState.STARTING, RunState.OPEN_FIRMWARE, RunState.RUNNING, RunState.SHUTTING_DOWN, RunState.ERROR}
)
RECEIVES = frozenset({RunState.INCOMING, RunState.LOADED, RunState.FAILED_INCOMING})
MADE_AGAIN = _("the database of this console had lost it: its record is made again as {remote} has it")
Facts = dict[str, PartitionFacts]  # by the partition's UUID


# Asking


def ask_partners() -> bool:
    """Those that were not asked yet; true once all have told, and what they told is settled."""
    for remote in RemoteSystem.objects.known().filter(asked=False):
        with apart("asking what a restored database has lost", remote.name):
            settle(remote, ask(remote))
    is_done = False
    if not RemoteSystem.objects.known().filter(asked=False).exists():
        with apart("settling what a restored database has lost"):
            is_done = conclude()
    return is_done


def ask(remote: RemoteSystem, lost: UUID | None = None) -> OpenAnswer:
    """With `lost` the answer has all of that migration as well. Raises PeerError."""
    with PeerClient(remote, timeout_s=PATIENCE_S) as client:
        return client.open_migrations(question_for(remote, lost))


def question_for(remote: RemoteSystem, lost: UUID | None) -> OpenQuestion:
    said = {
        "system": own_identity(),
        "partner_system": remote.system_identity,
        "incarnation": partner.own_incarnation(),
        "nonce": secrets.token_hex(16),
        "lost": lost,
    }
    return sign(own_signer(), said)


def facts_now() -> Facts:
    """Raises HypervisorError."""
    return {facts.uuid: facts for facts in system.hypervisor().describe_system().partitions}


def settle(remote: RemoteSystem, answer: OpenAnswer) -> None:
    """Keep what it knows and this database does not. Raises HypervisorError, with nothing changed.

    A record that is open there as well is the partition's latest: nothing can have followed it.
    """
    facts = facts_now()
    known = set(Migration.objects.values_list("pk", flat=True))
    with serialized():
        for said in answer.migrations:
            row = Migration.objects.filter(pk=said.migration_id, remote=remote)
            row.filter(in_question=True).update(partner_state=said.state, in_question=is_over(said))
        RemoteSystem.objects.filter(pk=remote.pk).update(
            asked=True,
            passed_over=False,
            lost=[with_fact(said, facts) for said in latest(answer.migrations) if said.migration_id not in known],
            has=[str(partition) for partition in answer.present],
            on_record=[str(partition) for partition in answer.on_record],
        )
    logger.warning("%s has told what it knows of migrations with this console", remote.name)


def latest(migrations: Iterable[KnownMigration]) -> list[KnownMigration]:
    """Of each partition one: what a console had with it last says most about where it is."""
    found: dict[UUID, KnownMigration] = {}
    for said in migrations:  # newest first
        found.setdefault(said.partition_uuid, said)
    return list(found.values())


def with_fact(said: KnownMigration, facts: Facts) -> dict[str, object]:
    """As it is kept in the remote system's row."""
    return said.model_dump(mode="json") | {"runs_here": runs(facts.get(str(said.partition_uuid)))}


def known_of(kept: dict[str, object]) -> KnownMigration:
    """What the partner said, of what with_fact() kept."""
    return KnownMigration.model_validate({name: value for name, value in kept.items() if name != "runs_here"})


def runs(fact: PartitionFacts | None) -> bool:
    return fact is not None and fact.run_state in RUNS


def is_over(said: KnownMigration) -> bool:
    return State(said.state) in FINAL_STATES


def is_there(said: KnownMigration) -> bool:
    return said.role == Role.DESTINATION.value and State(said.state) in TAKEN_OVER


# Settling


def conclude() -> bool:
    """Every partner has told what it knows; false where one, or the hypervisor, has to be asked again.

    Raises PeerError and HypervisorError; what was done by then stays, and is not done twice.
    """
    facts = facts_now()
    told = [(remote, said) for remote in RemoteSystem.objects.known() for said in lost_of(remote)]
    for _remote, said in told:
        end_superseded(said.partition_uuid, facts)
    Migration.objects.filter(in_question=True).update(in_question=False)
    unsettled = [said for remote, said in told if not have_again(remote, said, facts)]  # each is tried
    hold_what_others_have(facts)
    return not unsettled


def lost_of(remote: RemoteSystem) -> list[KnownMigration]:
    return [known_of(kept) for kept in remote.lost]


def forget(remote: RemoteSystem, said: KnownMigration) -> None:
    """It is no conflict any more."""
    kept = RemoteSystem.objects.values_list("lost", flat=True).get(pk=remote.pk)
    left = [one for one in kept if one["migration_id"] != str(said.migration_id)]
    RemoteSystem.objects.filter(pk=remote.pk).update(lost=left)


def end_superseded(partition_uuid: UUID, facts: Facts) -> None:
    """Records of before the restore that are open although a later migration of the partition is on record elsewhere.

    Whatever began elsewhere and is unknown here began after the backup.
    """
    for migration in Migration.objects.open().filter(partition_uuid=partition_uuid, in_question=True):
        said = State(migration.partner_state) if migration.partner_state else None
        end = superseded_end(Role(migration.role), said)
        holds_image = holds(facts.get(str(partition_uuid)), migration)  # of its own stream: is quit, as ever
        fields = ended() | {"released": not holds_image}
        if end in {State.CLOSED_KEPT, State.DECLINED}:
            names = {"partition": migration.partition_name, "remote": migration.remote.name}
            fields |= because("restore-superseded", **names)
        supersede(migration, end, also=lambda row=migration: let_go(row), **fields)  # type: ignore[misc]


def holds(fact: PartitionFacts | None, migration: Migration) -> bool:
    if migration.is_source or fact is None:
        return False
    return fact.run_state in RECEIVES and fact.migration_id == str(migration.pk)


def let_go(migration: Migration) -> None:
    """Its hold ends, and its row in Monitor Tasks; the inventory looks what the partition does."""
    LogicalPartition.objects.filter(hold=hold_reason(migration.pk)).update(
        hold="", state=PartitionState.NOT_ACTIVATED
    )
    source.end_task(migration, TaskStatus.FAILED, source.outcome_text(migration))


def remove_from_hypervisor(fact: PartitionFacts) -> None:
    """What this console shall not have: a definition, or an image that is older than what another one has."""
    vmc, fence = system.hypervisor(), operator_fence()
    if fact.run_state is not RunState.NOT_ACTIVATED:
        vmc.discard(fact.lpar_id, fence)
    vmc.remove(fact.lpar_id, fence)


def hold_what_others_have(facts: Facts) -> None:
    """A partition that another console has does not come to life here, whatever this database says of it.

    One that runs here is left running, and shown; one whose migration is open follows that. One that its console does
    not have any more is free.
    """
    for remote in RemoteSystem.objects.known().filter(asked=True):
        held = LogicalPartition.objects.filter(hold=moved_to(remote))
        held.exclude(uuid__in=remote.has).update(hold="", state=PartitionState.NOT_ACTIVATED)
    migrating = Migration.objects.open().values("partition_uuid")
    for remote in RemoteSystem.objects.known():
        here = LogicalPartition.objects.filter(uuid__in=remote.has).exclude(uuid__in=migrating)
        for partition in here.not_moved():
            if not runs(facts.get(str(partition.uuid))):
                LogicalPartition.objects.filter(pk=partition.pk).update(hold=moved_to(remote))


def moved_to(remote: RemoteSystem) -> str:
    return f"{MOVED_TO}{remote.name}"[:64]


# Records made again


def have_again(remote: RemoteSystem, said: KnownMigration, facts: Facts) -> bool:
    """True where nothing more is to be done about it here. Raises PeerError and HypervisorError."""
    row = Migration.objects.filter(pk=said.migration_id).first()
    if row is None:
        if not is_missed(remote, said, facts):
            return True
        if has_leftover(said.partition_uuid):
            return False
        lost = ask(remote, said.migration_id).lost
        if lost is None:
            return True
        try:
            row = make_again(remote, lost, facts)
        except (PrerequisiteFailed, IntegrityError) as exc:  # names taken, no room, another one is open: shown
            logger.warning("migration %s can't be had again: %s", said.migration_id, exc)
            return not isinstance(exc, IntegrityError)
    if is_over(said) and not row.is_final:
        go_to_the_end(row, said)
        row.refresh_from_db()
    is_done = row.is_final or not is_over(said)
    if is_done:
        forget(remote, said)
    return is_done


def is_missed(remote: RemoteSystem, said: KnownMigration, facts: Facts) -> bool:
    """Whether anything is left to do here under a record of it."""
    state, partition = State(said.state), str(said.partition_uuid)
    if said.role == Role.DESTINATION.value:
        return state is not State.CLOSED_MOVED  # that one is held here, until an operator removes its records
    if state in KEPT:  # it waits for our *declined*; or it has left an image here, which is to be quit
        return not is_over(said) or (partition in facts and facts[partition].run_state in RECEIVES)
    elsewhere = RemoteSystem.objects.known().exclude(pk=remote.pk).values_list("has", flat=True)
    return not any(partition in has for has in elsewhere)


def has_leftover(partition_uuid: UUID) -> bool:
    """A destination that has declined has yet to quit and release what it holds of the same partition."""
    return any(row.partition_uuid == partition_uuid for row in unfinished_migrations() if row.is_final)


def make_again(remote: RemoteSystem, lost: LostMigration, facts: Facts) -> Migration:
    """As it was at its beginning. Raises PrerequisiteFailed or IntegrityError with nothing changed."""
    said = lost.known
    is_source = said.role == Role.DESTINATION.value  # the other role is ours
    declined = not is_source and State(said.state) in KEPT
    with serialized():
        partition = None if declined else partition_for(lost, facts, is_source=is_source)
        fact = facts.get(str(said.partition_uuid))
        migration = Migration.objects.create(
            pk=said.migration_id,
            role=Role.SOURCE if is_source else Role.DESTINATION,
            type=MigrationType(lost.migration_type),
            state=State.TRANSFERRING if is_source else State.DECLINED if declined else State.PREPARED,
            restored=not declined,
            epoch=next_epoch(),
            partition=partition,
            partition_uuid=said.partition_uuid,
            partition_name=said.partition_name,
            lpar_id=partition.lpar_id if partition else fact.lpar_id if fact else lost.remote_lpar_id,
            remote_lpar_id=lost.lpar_id or None,
            configuration=lost.configuration.model_dump(mode="json") if lost.configuration else {},
            remote=remote,
            remote_manager=remote.name,
            remote_user=lost.remote_user,
            user=lost.user,
            secret=seal(bytes.fromhex(lost.secret)) if lost.secret else b"",
        )
        note(migration.pk, Sentence(MADE_AGAIN, {"remote": remote.name}), to_state=migration.state)
        if partition is not None:
            system.set_state(partition, PartitionState.migrating(inactive=migration.is_inactive))
    logger.warning("migration %s of %s is made again", migration.pk, said.partition_name)
    return migration


def partition_for(lost: LostMigration, facts: Facts, *, is_source: bool) -> LogicalPartition:
    """Held for the migration. What a source has of it is its own; a destination gets what was prepared for it."""
    said, hold = lost.known, hold_reason(lost.known.migration_id)
    present = LogicalPartition.objects.filter(uuid=said.partition_uuid).first()
    if present is not None and is_source:
        LogicalPartition.objects.filter(pk=present.pk).update(hold=hold)
        present.hold = hold
        return present
    if lost.configuration is None:
        raise PrerequisiteFailed(
            "restore-no-configuration", partition=said.partition_name, lpar_id=lost.remote_lpar_id
        )
    if present is not None:
        system.remove_partition(present)
    fact = facts.get(str(said.partition_uuid))
    wanted = (fact.lpar_id if fact else 0) or lost.remote_lpar_id or lost.configuration.lpar_id
    plan = replace(plan_from(lost.configuration), lpar_id=wanted)
    shell = system.reserve_shell(plan, hold, PartitionState.NOT_ACTIVATED)
    if fact is not None and shell.lpar_id != fact.lpar_id:  # another partition has that ID by now
        raise PrerequisiteFailed("restore-id-taken", partition=shell.name, lpar_id=fact.lpar_id)
    return shell


def go_to_the_end(migration: Migration, said: KnownMigration) -> None:
    """The partner is through with it, and has no secret of it any more: what it told is its last word."""
    with suppress(Fenced):
        recovery.drive(migration, None, told=Answer(State(said.state)), may_ask=False)


# The other side


def answer(remote: RemoteSystem, question: OpenQuestion) -> OpenAnswer:
    """What is on record with that system; its new incarnation is known from now on."""
    rows = Migration.objects.filter(remote=remote).of_partitions().order_by("-started_at")
    for migration in rows.open():
        with apart("hearing of a new incarnation", f"migration {migration.pk}"):
            partner.hear(migration, question.incarnation)
    since = timezone.now() - TOMBSTONE_LIFE
    told = rows.filter(Q(ended_at=None) | Q(ended_at__gt=since))[:KNOWN_MIGRATIONS]
    wanted = rows.filter(pk=question.lost).select_related("partition").first() if question.lost else None
    return OpenAnswer(
        migrations=tuple(known_migration(row) for row in told),
        present=tuple(present()[:MOST_PARTITIONS]),
        on_record=tuple(LogicalPartition.objects.clients().values_list("uuid", flat=True)[:MOST_PARTITIONS]),
        lost=lost_migration(wanted) if wanted else None,
    )


def known_migration(row: Migration) -> KnownMigration:
    return KnownMigration(
        migration_id=row.pk,
        role=row.role,  # type: ignore[arg-type]
        state=row.state,
        partition_uuid=row.partition_uuid,
        partition_name=row.partition_name,
    )


def lost_migration(row: Migration) -> LostMigration:
    return LostMigration(
        known=known_migration(row),
        migration_type=row.type,  # type: ignore[arg-type]
        lpar_id=row.lpar_id,
        remote_lpar_id=row.remote_lpar_id or 0,
        secret=unseal(bytes(row.secret)).hex() if row.secret else "",
        user=row.user,
        remote_user=row.remote_user,
        configuration=kept_configuration(row),
    )


def kept_configuration(row: Migration) -> Configuration | None:
    """As it was sent at *prepare*; of a migration that never came so far, as the partition is now."""
    if row.configuration:
        return Configuration.model_validate(row.configuration)
    return configuration_of(row.partition) if row.partition else None


def present() -> list[UUID]:
    """The partitions that this console has: on record, and whatever runs.

    Not what may yet stay elsewhere, or was given away. While this console is itself held back after a restore only
    what runs counts, since its records may be behind.
    """
    try:
        running = {UUID(facts.uuid) for facts in facts_now().values() if runs(facts)}
    except HypervisorError:
        running = set()
    if ManagedSystem.objects.filter(held_back=True).exists():
        return sorted(running)
    return sorted(running | set(own_partitions().values_list("uuid", flat=True)))


def own_partitions() -> QuerySet[LogicalPartition]:
    arriving = Q(role=Role.DESTINATION, state__in=[State.PREPARED, State.LOADED])
    elsewhere: MigrationQuerySet = Migration.objects.filter(arriving | Q(role=Role.SOURCE, state=State.COMPLETING))
    return LogicalPartition.objects.not_moved().exclude(uuid__in=elsewhere.values("partition_uuid"))
