"""Validate: every check of both sides, kept as one report. Changes nothing else."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from ivmweb.common.errors import PrerequisiteFailed, message
from ivmweb.system.models import LogicalPartition
from ivmweb.transactions import serialized
from migration.models import (
    Finding,
    MigrationType,
    MobilityToken,
    Outcome,
    RemoteSystem,
    RoleChoices,
    ValidationReport,
)
from migration.peer.client import PeerClient
from migration.peer.configuration import configuration_of
from migration.peer.local import own_hello, version_now
from migration.peer.messages import (
    NO_WISH,
    FindingBody,
    MoverAddress,
    PlacementWish,
    PrepareRequest,
    ValidateRequest,
)
from migration.validation.destination import DESTINATION_CHECKS
from migration.validation.facts import DestinationFacts, SourceFacts, is_inactive
from migration.validation.found import examine
from migration.validation.link import try_mover
from migration.validation.source import SOURCE_CHECKS

REPORTS_KEPT = 200
ASKING = frozenset(check.name for check in SOURCE_CHECKS if check.asks_remote)
TITLES = {check.name: check.title for check in SOURCE_CHECKS} | {
    check.name: check.title for check in DESTINATION_CHECKS
}


@dataclass(frozen=True)
class BothSides:
    """What the checks of both sides found, and where the destination's mover would wait."""

    own: list[FindingBody]
    theirs: list[FindingBody]
    mover: MoverAddress

    @property
    def failed(self) -> list[FindingBody]:
        return [body for body in [*self.own, *self.theirs] if Outcome(body.outcome) is Outcome.FAILED]


def run(
    partition: LogicalPartition,
    remote: RemoteSystem,
    client: PeerClient,
    token: str,
    user: str,
    remote_manager: str,
    remote_user: str,
    wish: PlacementWish = NO_WISH,
) -> ValidationReport:
    """All checks of both sides as a stored report.

    Raises PeerError, with nothing stored, where the destination could not be asked: half a report is none.
    """
    inactive = is_inactive(partition)
    found = both_sides(partition, remote, client, token, wish, inactive=inactive)
    report = ValidationReport(
        partition_uuid=partition.uuid,
        partition_name=partition.name,
        lpar_id=partition.lpar_id,
        type=MigrationType.INACTIVE if inactive else MigrationType.ACTIVE,
        remote=remote,
        remote_manager=remote_manager,
        remote_user=remote_user,
        placement=wish.model_dump(mode="json"),
        user=user,
    )
    store(report, found.own, found.theirs)
    return report


def ask(partition: LogicalPartition, remote: RemoteSystem, client: PeerClient, token: str) -> BothSides:
    """As run(), of which nothing is kept. Raises PeerError."""
    return both_sides(partition, remote, client, token, NO_WISH, inactive=is_inactive(partition))


def both_sides(
    partition: LogicalPartition,
    remote: RemoteSystem,
    client: PeerClient,
    token: str,
    wish: PlacementWish,
    *,
    inactive: bool,
) -> BothSides:
    """The destination is asked first: where its mover waits is a check of the source."""
    hello = client.hello()
    request = ValidateRequest(
        hello=own_hello(version_now()),
        inactive=inactive,
        configuration=configuration_of(partition),
        placement=wish,
        clock=time.time(),
    )
    answer = client.validate(token, request)
    link = None if inactive else try_mover(answer.mover, remote.address)
    facts = SourceFacts.of(partition, hello.system_identity, remote.name, link)
    own = [found.body for found in examine(SOURCE_CHECKS, facts)]
    return BothSides(own, [explainable(body, remote.name) for body in answer.findings], answer.mover)


def one_of_the_source(check_name: str, partition: LogicalPartition, remote: RemoteSystem) -> FindingBody:
    """A check that needs nothing of the destination, made once more."""
    facts = SourceFacts.of(partition, remote.system_identity, remote.name)
    return next(found.body for found in examine(SOURCE_CHECKS, facts) if found.check_name == check_name)


def needs_destination(check_name: str, side: str) -> bool:
    """Whether making this check once more means asking the destination, which takes a token."""
    return side == RoleChoices.DESTINATION or check_name in ASKING


def store(report: ValidationReport, own: Iterable[FindingBody], theirs: Iterable[FindingBody]) -> None:
    with serialized():
        report.save(force_insert=True)
        rows = [row_of(report, RoleChoices.SOURCE, body) for body in own]
        rows += [row_of(report, RoleChoices.DESTINATION, body) for body in theirs]
        Finding.objects.bulk_create(rows)
        kept = ValidationReport.objects.order_by("-created_at").values_list("pk", flat=True)[:REPORTS_KEPT]
        ValidationReport.objects.exclude(pk__in=list(kept)).delete()


def keep_again(report: ValidationReport, side: str, body: FindingBody, user: str) -> Finding:
    """The check as found now, beside the one made with the report; of those made since, the newest is kept."""
    with serialized():
        report.findings.filter(check_name=body.check_name, side=side, again_at__isnull=False).delete()
        finding = row_of(report, RoleChoices(side), body)
        finding.again_at, finding.again_by = timezone.now(), user
        finding.save(force_insert=True)
    return finding


def row_of(report: ValidationReport, side: RoleChoices, body: FindingBody) -> Finding:
    return Finding(report=report, side=side, **body.model_dump())


def explainable(body: FindingBody, remote_name: str) -> FindingBody:
    """The finding as it came, or, where this console has no such message, one that says so."""
    if not body.message_key or can_be_said(body):
        return body
    params: dict[str, str | int | float] = {
        "remote": remote_name,
        "check": body.check_name,
        "measured": body.measured,
        "limit": body.limit,
    }
    return body.model_copy(update={"message_key": "check-of-another-version", "message_params": params})


def can_be_said(body: FindingBody) -> bool:
    try:
        message(body.message_key).render(body.message_params)
    except (KeyError, IndexError, ValueError, TypeError):
        return False
    return True


def destination_findings(request: ValidateRequest | PrepareRequest, token: MobilityToken) -> tuple[FindingBody, ...]:
    """What this system says as the destination of the partition that `request` describes."""
    return tuple(found.body for found in examine(DESTINATION_CHECKS, DestinationFacts.of(request, token)))


def first_failure(request: PrepareRequest, token: MobilityToken) -> PrerequisiteFailed | None:
    """Why this system would refuse the partition now, for *prepare*; None where nothing failed."""
    for found in destination_findings(request, token):
        if Outcome(found.outcome) is Outcome.FAILED:
            return PrerequisiteFailed(found.message_key, **found.message_params)
    return None


def title_of(check_name: str) -> str:
    """For people, in English, marked for translation; a newer console's check shows its name."""
    return TITLES.get(check_name, check_name.replace("_", " ").capitalize())
