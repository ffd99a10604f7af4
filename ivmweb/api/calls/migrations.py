"""Migrations and reports: look, stop, recover."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Path

from ivmweb.api import bodies, schemas
from ivmweb.api.calls.system import not_found
from ivmweb.api.guard import make_router
from ivmweb.api.once import Answer, IdempotencyKey, once
from ivmweb.api.refusals import REFUSALS, ROOT
from ivmweb.api.tokens import Memory, UserToken, token_of, user_of
from ivmweb.system.rights import Right
from migration import forcing, services
from migration.checking_again import check_again
from migration.models import Migration, ValidationReport
from migration.peer.lockout import address_of
from migration.peer.messages import Refused
from migration.states import FINAL_STATES

router = make_router("migrations")
VIEWER, MIGRATOR = UserToken(Right.VIEW), UserToken(Right.MIGRATE)
MigrationId = Annotated[UUID, Path(description="The same on both consoles.")]
ReportId = Annotated[UUID, Path(description="From validate, migrate or a migration.")]
CHANGES = REFUSALS | {409: Refused, 411: Refused, 413: Refused}


@router.get(
    "migrations", auth=VIEWER, response={200: schemas.MigrationPage} | REFUSALS, summary="Migrations, newest first"
)
def list_migrations(request: HttpRequest, query: schemas.MigrationParameters) -> schemas.MigrationPage:
    rows = Migration.objects.of_partitions().select_related("remote").order_by("-started_at", "pk")
    if query.state == "open":
        rows = rows.open()
    elif query.state == "ended":
        rows = rows.filter(state__in=FINAL_STATES)
    return schemas.MigrationPage(**bodies.page_of(rows, query, bodies.migration_body))


@router.get(
    "migrations/{uuid:migration_id}",
    auth=VIEWER,
    response={200: schemas.MigrationDetails} | REFUSALS,
    summary="A migration with its journal",
)
def get_migration(request: HttpRequest, migration_id: MigrationId) -> schemas.MigrationDetails:
    return bodies.migration_details(find(migration_id))


@router.post(
    "migrations/{uuid:migration_id}/stop",
    auth=MIGRATOR,
    response={202: schemas.MigrationDetails} | CHANGES,
    summary="Stop it",
    description="On the source, until it hands over: the migration is rolled back, the partition stays.",
)
def stop(request: HttpRequest, migration_id: MigrationId, idempotency_key: IdempotencyKey = None) -> HttpResponse:
    def act() -> Answer:
        services.stop(find(migration_id), user=user_of(request), origin=address_of(request))
        return Answer(202, bodies.migration_details(find(migration_id)), f"{ROOT}migrations/{migration_id}")

    return once(request, idempotency_key, act)


@router.post(
    "migrations/{uuid:migration_id}/recover",
    auth=MIGRATOR,
    response={200: schemas.Recovered} | CHANGES,
    summary="Recover it",
    description="Goes as far as facts allow, now, and says in words what that came to. Safe at any time.",
)
def recover(request: HttpRequest, migration_id: MigrationId, idempotency_key: IdempotencyKey = None) -> HttpResponse:
    def act() -> Answer:
        outcome = services.recover(find(migration_id), user=user_of(request), origin=address_of(request)).words
        return recovered(migration_id, outcome)

    return once(request, idempotency_key, act)


def recovered(migration_id: UUID, outcome: str) -> Answer:
    details = bodies.migration_details(find(migration_id))
    return Answer(200, schemas.Recovered(outcome=outcome, migration=details))


@router.get(
    "migrations/{uuid:migration_id}/both-sides",
    auth=VIEWER,
    response={200: schemas.BothSides} | REFUSALS,
    summary="Both sides of it",
    description="Asks the other console, and tells both journals on one time line.",
)
def get_both_sides(request: HttpRequest, migration_id: MigrationId) -> schemas.BothSides:
    return bodies.both_sides_body(find(migration_id))


@router.post(
    "migrations/{uuid:migration_id}/force",
    auth=MIGRATOR,
    response={200: schemas.Recovered} | CHANGES,
    summary="Force it",
    description="One of the acts of the page Recover. Refused where record, facts or the other console forbid it.",
)
def force(
    request: HttpRequest, migration_id: MigrationId, body: schemas.Force, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    def act() -> Answer:
        outcome = forcing.force(
            find(migration_id),
            body.act.value,
            typed=body.partition_name,
            claims=body.claims,
            user=user_of(request),
            origin=address_of(request),
        )
        return recovered(migration_id, outcome)

    return once(request, idempotency_key, act)


@router.get(
    "reports/{uuid:report_id}", auth=VIEWER, response={200: schemas.Report} | REFUSALS, summary="A validation report"
)
def get_report(request: HttpRequest, report_id: ReportId) -> schemas.Report:
    return bodies.report_body(report_of(report_id))


@router.post(
    "reports/{uuid:report_id}/check-again",
    auth=MIGRATOR,
    response={200: schemas.Finding} | CHANGES,
    summary="Make one check again",
    description="Kept beside what Validate found. One that asks the other console needs your token of it.",
)
def make_again(
    request: HttpRequest, report_id: ReportId, body: schemas.CheckAgain, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    def act() -> Answer:
        finding = check_again(
            report_of(report_id),
            body.check,
            body.side.value,
            session=Memory(token_of(request)),
            user=user_of(request),
            origin=address_of(request),
        )
        return Answer(200, bodies.finding_body(finding))

    return once(request, idempotency_key, act)


def report_of(report_id: UUID) -> ValidationReport:
    report = ValidationReport.objects.prefetch_related("findings").filter(pk=report_id).first()
    if report is None:
        raise not_found("report", str(report_id))
    return report


def find(migration_id: UUID) -> Migration:
    migration = Migration.objects.select_related("remote", "partition", "task").filter(pk=migration_id).first()
    if migration is None:
        raise not_found("migration", str(migration_id))
    return migration
