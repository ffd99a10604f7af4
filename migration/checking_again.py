"""One check of a report made once more, on the side that made it. Changes nothing but the report."""

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import audit
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import AnyUser, Right, require
from migration.credentials import Session, authenticate, has_token
from migration.models import Finding, MigrationType, RemoteSystem, RoleChoices, ValidationReport
from migration.peer.client import Patience, PeerClient
from migration.peer.messages import FindingBody, PlacementWish
from migration.peer.remotes import find_remote
from migration.validation.facts import is_inactive
from migration.validation.report import both_sides, keep_again, needs_destination, one_of_the_source


def check_again(
    report: ValidationReport,
    check_name: str,
    side: str,
    *,
    session: Session,
    user: AnyUser,
    origin: str,
) -> Finding:
    """What the check finds now, kept in the report with its time.

    The token of this session serves for the destination. Raises IvmError, with the report as it was.
    """
    require(user, Right.MIGRATE)
    with audit.attempt(user, origin, "Check again", f"{check_name[:64]} of {report.partition_name}"):
        if not report.findings.filter(check_name=check_name, side=side).exists():
            raise PrerequisiteFailed("check-again-unknown", check=check_name[:64])
        partition = partition_of(report)
        remote = report.remote or find_remote(report.remote_manager)
        if not needs_destination(check_name, side):
            return keep_again(report, side, one_of_the_source(check_name, partition, remote), str(user))
        found = asked_again(report, partition, remote, session, user)[RoleChoices(side)]
        body = next((body for body in found if body.check_name == check_name), None)
        if body is None:  # the destination has another version by now
            raise PrerequisiteFailed("check-again-unknown", check=check_name[:64])
        return keep_again(report, side, body, str(user))


def partition_of(report: ValidationReport) -> LogicalPartition:
    """As it is now; raises PrerequisiteFailed where the report can't be about it any more."""
    partition = LogicalPartition.objects.filter(uuid=report.partition_uuid).first()
    if partition is None:
        raise PrerequisiteFailed("check-again-gone", partition=report.partition_name)
    if is_inactive(partition) != (report.type == MigrationType.INACTIVE):
        raise PrerequisiteFailed(
            "check-again-other-type",
            kind=report.type,
            partition=partition.name,
            lpar_id=partition.lpar_id,
            state=partition.state,
        )
    return partition


def asked_again(
    report: ValidationReport,
    partition: LogicalPartition,
    remote: RemoteSystem,
    session: Session,
    user: AnyUser,
) -> dict[RoleChoices, list[FindingBody]]:
    """Every check of both sides: a console that is asked makes all of its own, and they are quick."""
    if not has_token(session, report.remote_manager, report.remote_user):
        raise PrerequisiteFailed("check-again-needs-password", remote=remote.name, user=report.remote_user)
    with PeerClient(remote, patience=Patience()) as client:
        credentials = authenticate(client, remote, report.remote_manager, report.remote_user, "", session, user)
        inactive = report.type == MigrationType.INACTIVE
        wish = PlacementWish.model_validate(report.placement)
        found = both_sides(partition, remote, client, credentials.token, wish, inactive=inactive)
    return {RoleChoices.SOURCE: found.own, RoleChoices.DESTINATION: found.theirs}
