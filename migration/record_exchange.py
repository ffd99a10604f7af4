"""How the two consoles come to one hand-over record: the source asks once both know what they have to say.

The source's part goes to the destination, which adds its own and answers with the whole; the same request again gets
the same answer. Each side believes only a record that proves itself, with the certificate it has pinned.
"""

import logging
import os
from datetime import UTC, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.certificates import fingerprint
from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.common.fault_points import reached
from ivmweb.common.sentence import Sentence
from migration import handover_record, leases
from migration.failures import forget, tell_once
from migration.handover_record import Memory, NotProved, Record, Signed, Signer, Statement
from migration.journal import note, publish
from migration.models import Migration, MigrationQuerySet
from migration.peer.auth import unseal
from migration.peer.client import NO_ANSWER, PeerClient
from migration.peer.local import own_identity, own_name
from migration.states import Role, State

logger = logging.getLogger(__name__)

DIGEST_COMES_WITHIN = timedelta(minutes=5)  # else its hypervisor has ended, and the record does without
TRY_FOR = timedelta(days=1)  # as long secrets are kept for it
TRY_EVERY_S = 20.0
NO_RECORD = "no hand-over record yet"
SIGNED_STATE = {Role.SOURCE: State.SURRENDERED, Role.DESTINATION: State.ACCEPTED}


def unsigned() -> MigrationQuerySet:
    """Moved, and the record is still to be made; on both sides, whose secrets serve for it until then."""
    since = timezone.now() - TRY_FOR
    moved = Migration.objects.filter(state=State.CLOSED_MOVED, ended_at__gt=since, handover_record="")
    return moved.filter(events__to_state__in=SIGNED_STATE.values()).exclude(secret=b"")


def is_ready(migration: Migration) -> bool:
    """This side knows all that it will ever know of the memory.

    The source waits for the other side's digest as well: a refusal "not yet" would have it wait for TRY_EVERY_S.
    """
    if migration.is_inactive or (migration.local_digest and (migration.partner_digest or not migration.is_source)):
        return True
    return migration.ended_at is not None and timezone.now() - migration.ended_at > DIGEST_COMES_WITHIN


def exchange(migration: Migration, silent: set[int]) -> None:
    """Source: ask for the record and keep it. What fails is tried again by the schedule, for a day.

    The next time is written before the call, which may last: of two sweeps at once only one asks. `silent`: remote
    systems that did not answer in this sweep.
    """
    if leases.is_ahead(migration, migration.due_at) or leases.is_alive(migration) or migration.remote_id in silent:
        return
    statement = statement_of(migration)
    if statement is None or not is_ready(migration):
        return
    rows = Migration.objects.filter(pk=migration.pk, epoch=migration.epoch)
    mine = rows.filter(due_at=migration.due_at, lease_boot=migration.lease_boot)
    if not mine.update(due_at=leases.now() + TRY_EVERY_S, lease_boot=leases.boot_id(), lease_until=0):
        return
    try:
        with PeerClient(migration.remote) as client:
            record = client.exchange_record(unseal(bytes(migration.secret)), own_signer().sign(statement))
        check_answer(migration, statement, record)
    except (PeerError, NotProved) as exc:
        tell_once(logger, logging.INFO, NO_RECORD, f"migration {migration.pk}", str(exc))
        if isinstance(exc, PeerError) and exc.key in NO_ANSWER:
            silent.add(migration.remote_id)
        return
    rows.update(due_at=0)
    forget(NO_RECORD, f"migration {migration.pk}")
    keep(migration, record)


def countersign(migration: Migration, part: Signed) -> Record:
    """Destination: the whole record for the source's part; raises PrerequisiteFailed where it can't be given."""
    if migration.handover_record:
        return Record.model_validate_json(migration.handover_record)
    names = {"partition": migration.partition_name, "remote": own_name()}
    statement = statement_of(migration)
    if migration.is_source or statement is None:
        raise PrerequisiteFailed("record-not-accepted", state=migration.state, **names)
    if not is_ready(migration):
        raise PrerequisiteFailed("record-not-ready", **names)
    own = statement.model_copy(update={"source_sha256": handover_record.sha256_of(part)})
    record = Record(source=part, destination=own_signer().sign(own))
    try:
        check_partner(migration, record, part)
    except NotProved as exc:
        raise PrerequisiteFailed("record-not-proved", reason=str(exc), **names) from exc
    return keep(migration, record)


def check_answer(migration: Migration, own: Statement, record: Record) -> None:
    """Raises NotProved."""
    if record.source.statement != own:
        raise NotProved("The other console signed another surrender than the one of this console.")
    check_partner(migration, record, record.destination)


def check_partner(migration: Migration, record: Record, part: Signed) -> None:
    """The record proves itself, and the partner's part is the one of the remote system that is known here."""
    handover_record.check(record)
    said = part.statement
    if (said.migration, said.system) != (migration.pk, migration.remote.system_identity):
        raise NotProved("The part is of another migration or another system.")
    if fingerprint(part.certificate) != migration.remote.fingerprint:
        raise NotProved("The part is signed under another certificate than the one confirmed for the remote system.")


def keep(migration: Migration, record: Record) -> Record:
    """The first one stays, also where two requests came at once."""
    text = handover_record.as_file(record)
    reached(migration.role, "write", "record", "before")
    if Migration.objects.filter(pk=migration.pk, handover_record="").update(handover_record=text):
        reached(migration.role, "write", "record", "after")
        note(migration.pk, Sentence(_("both consoles have signed the hand-over record")))
        migration.refresh_from_db()
        publish(migration)
        return record
    migration.refresh_from_db()
    return Record.model_validate_json(migration.handover_record)


def statement_of(migration: Migration) -> Statement | None:
    """None where this side has not recorded what it would sign (moved by an operator's order, or not moved)."""
    role = Role(migration.role)
    event = migration.events.filter(to_state=SIGNED_STATE[role]).order_by("pk").first()
    if event is None or not migration.moved:
        return None
    moment = event.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said = {
        "role": role.value,
        "state": SIGNED_STATE[role].value,
        "recorded_at": moment,
        "migration": migration.pk,
        "type": migration.type,
        "partition_name": migration.partition_name,
        "partition_uuid": migration.partition_uuid,
        "lpar_id": migration.lpar_id,
        "console": own_name(),
        "system": own_identity(),
        "partner_system": migration.remote.system_identity,
        "memory": memory_of(migration),
    }
    return Statement.model_validate(said)


def memory_of(migration: Migration) -> Memory | None:
    if not migration.local_digest:
        return None
    return Memory.model_validate({"kind": migration.digest_kind, "sha256": migration.local_digest})


def own_signer() -> Signer:
    return Signer(own_key(), settings.CERTIFICATE.read_text(), settings.CERTIFICATE_KEY.read_text())


def own_key() -> Ed25519PrivateKey:
    """Made when it is needed first; of two processes that make it at once, one wins."""
    path = settings.SIGNING_KEY
    if not path.exists():
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_bytes(b"")
        new.chmod(0o600)
        new.write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())
        try:
            os.link(new, path)
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
