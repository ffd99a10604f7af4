"""After a restore, what no record tells of: LUNs that say another server, and what the hypervisor has left.

Where both databases are of before a move no console knows of it any more. The LUNs do, and the hypervisors: an
operator settles it under Restored Database. docs/state-machine.md, "A restored database".
"""

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.hypervisor.base import LunReference, OwnerWord, PartitionFacts
from ivmweb.monitor import notices
from ivmweb.system import services as system
from ivmweb.system.actions import action
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition, ManagedSystem, PhysicalVolume
from ivmweb.system.rights import AnyUser, Right
from migration import lost
from migration.models import Migration, RemoteSystem
from migration.peer.local import own_identity


@dataclass(frozen=True)
class Stranded:
    """A partition on record here, which its LUNs say is another server's; it can't be activated."""

    partition: LogicalPartition
    owner: str  # type-model*serial
    remote: RemoteSystem | None  # of that server, where it is known
    words: frozenset[OwnerWord]

    @property
    def where(self) -> str:
        return f"{self.remote.name} ({self.owner})" if self.remote else self.owner


def stranded() -> list[Stranded]:
    """Raises HypervisorError. Partitions with an open migration, and those that are held, are settled elsewhere."""
    migrating = Migration.objects.open().values("partition_uuid")
    rows = LogicalPartition.objects.clients().filter(hold="").exclude(uuid__in=migrating)
    partitions = {row.pk: row for row in rows}
    volumes = list(
        PhysicalVolume.objects.filter(target_device__adapter__partition__in=partitions)
        .values_list("unique_id", "path", "target_device__adapter__partition")
        .order_by("pk")
    )
    luns = system.hypervisor().look_at_luns(tuple(LunReference(unique_id, path) for unique_id, path, _pk in volumes))
    words: dict[int, set[OwnerWord]] = {}
    for (_unique_id, _path, key), lun in zip(volumes, luns, strict=True):
        if lun.owner is not None and not lun.owner.is_free and lun.owner.system != own_identity():
            words.setdefault(key, set()).add(lun.owner)
    remotes = {remote.system_identity: remote for remote in RemoteSystem.objects.known()}
    return [of(partitions[key], frozenset(found), remotes) for key, found in words.items()]


def of(partition: LogicalPartition, words: frozenset[OwnerWord], remotes: dict[str, RemoteSystem]) -> Stranded:
    owner = min(word.system for word in words)
    return Stranded(partition, owner, remotes.get(owner), words)


def leftovers() -> list[PartitionFacts]:
    """What the hypervisor has, and no record of this console. Raises HypervisorError."""
    known = {str(one) for one in LogicalPartition.objects.values_list("uuid", flat=True)}
    migrating = {str(one) for one in Migration.objects.open().values_list("partition_uuid", flat=True)}
    facts = lost.facts_now()
    unknown = [fact for uuid, fact in facts.items() if uuid not in known | migrating]
    return [fact for fact in unknown if fact.lpar_id != MANAGEMENT_PARTITION_ID]


def take_note() -> None:
    """For the banner on every page. Raises HypervisorError."""
    ManagedSystem.objects.update(strays=bool(stranded() or leftovers()))


def take_luns(partition_uuid: UUID, *, typed: str, claimed: bool, user: AnyUser, origin: str) -> str:
    """The partition's name. Raises PrerequisiteFailed, PeerError or HypervisorError, and then nothing was changed.

    The console of the owner is asked just before: only where it has no record of the partition and does not run it.
    """
    found = next((one for one in stranded() if one.partition.uuid == partition_uuid), None)
    name = found.partition.name if found else str(partition_uuid)
    with action(user, origin, Right.MIGRATE, _("Take LUNs"), name):
        if found is None:
            raise PrerequisiteFailed("restore-not-stranded", partition=name)
        check_words(name, typed, claimed=claimed)
        check_owner_has_it_not(found)
        vmc, fence = system.hypervisor(), operator_fence()
        vmc.create(system.definition_of(found.partition), fence)
        owned = OwnerWord(partition_uuid=str(partition_uuid), system=own_identity())
        for word in found.words:
            if word.partition_uuid != str(partition_uuid):
                raise PrerequisiteFailed("restore-lun-of-another", partition=name, owner=found.where)
            vmc.change_owner_words(found.partition.lpar_id, word, owned, fence)
    take_note()
    notices.publish(notices.PARTITIONS, notices.SYSTEM)
    return name


def check_words(name: str, typed: str, *, claimed: bool) -> None:
    if typed.strip() != name:
        raise PrerequisiteFailed("force-name-differs", typed=typed.strip()[:64], partition=name)
    if not claimed:
        raise PrerequisiteFailed("restore-not-claimed")


def check_owner_has_it_not(found: Stranded) -> None:
    if found.remote is None:  # nobody can be asked: the claim has to do
        return
    names = {"partition": found.partition.name, "remote": found.remote.name}
    try:
        answer = lost.ask(found.remote)
    except PeerError as exc:
        raise PrerequisiteFailed("restore-owner-silent", answer=str(exc), **names) from exc
    if found.partition.uuid in answer.present:
        raise PrerequisiteFailed("restore-owner-has-it", **names)


def consoles_with_records(partition_uuid: UUID) -> list[str]:
    """Those that have the partition on record, as they said when they were asked last."""
    remotes = RemoteSystem.objects.known().order_by("name")
    return [remote.name for remote in remotes if str(partition_uuid) in remote.on_record]


def remove_leftover(
    partition_uuid: UUID, *, typed: str, claimed: bool, may_be_last: bool, user: AnyUser, origin: str
) -> str:
    """End it where it runs, and have the hypervisor forget it; its name. Raises as `take_luns`.

    The other consoles are asked just before: where none that answers has it on record, `may_be_last` has to be said.
    """
    found = next((fact for fact in leftovers() if fact.uuid == str(partition_uuid)), None)
    name = found.name if found else str(partition_uuid)
    with action(user, origin, Right.MIGRATE, _("Remove from Hypervisor"), name):
        if found is None:
            raise PrerequisiteFailed("restore-no-leftover", partition=name)
        check_words(name, typed, claimed=claimed)
        if not may_be_last and not any(has_records(remote, found.uuid) for remote in RemoteSystem.objects.known()):
            raise PrerequisiteFailed("restore-last-of-it", partition=name)
        lost.remove_from_hypervisor(found)
    take_note()
    notices.publish(notices.PARTITIONS, notices.SYSTEM)
    return name


def has_records(remote: RemoteSystem, partition_uuid: str) -> bool:
    """As it says now; what it says is kept for the page."""
    try:
        answer = lost.ask(remote)
    except PeerError:
        return False
    on_record = [str(one) for one in answer.on_record]
    RemoteSystem.objects.filter(pk=remote.pk).update(on_record=on_record)
    return partition_uuid in on_record


def ask_again(*, user: AnyUser, origin: str) -> None:
    """All known consoles, as just after the restore: what they say now counts, and what they said is forgotten."""
    with action(user, origin, Right.MIGRATE, _("Ask Remote Systems"), _("restored database")):
        if not ManagedSystem.objects.filter(restored_at__isnull=False).exists():
            raise PrerequisiteFailed("restore-never")
        ManagedSystem.objects.update(held_back=RemoteSystem.objects.known().exists())
        RemoteSystem.objects.known().update(asked=False, passed_over=False, lost=[], has=[], on_record=[])
    notices.publish(notices.PARTITIONS, notices.SYSTEM)
