"""Partitions: look, activate, shut down, validate, migrate."""

from django.http import HttpRequest, HttpResponse

from ivmweb.api import bodies, schemas
from ivmweb.api.guard import make_router
from ivmweb.api.once import Answer, IdempotencyKey, once
from ivmweb.api.refusals import OF_BODIES, REFUSALS, ROOT, Refusal, body_of
from ivmweb.api.tokens import Memory, UserToken, token_of, user_of
from ivmweb.monitor.models import MonitorTask
from ivmweb.pages.views.partitions import partition_or_refusal
from ivmweb.system import services as system
from ivmweb.system.inventory import runtime_facts
from ivmweb.system.models import LogicalPartition, ReferenceCode
from ivmweb.system.rights import Right
from migration import services
from migration.models import Outcome, ValidationReport
from migration.peer.lockout import address_of
from migration.peer.messages import Refused

router = make_router("partitions")
VIEWER, CHANGER, MIGRATOR = UserToken(Right.VIEW), UserToken(Right.CHANGE), UserToken(Right.MIGRATE)
CHANGES = REFUSALS | OF_BODIES | {409: Refused}


@router.get(
    "partitions", auth=VIEWER, response={200: schemas.PartitionPage} | REFUSALS, summary="Partitions, by their ID"
)
def list_partitions(request: HttpRequest, query: schemas.PageParameters) -> schemas.PartitionPage:
    facts = runtime_facts()
    rows = LogicalPartition.objects.all()
    return schemas.PartitionPage(**bodies.page_of(rows, query, lambda row: bodies.partition_body(row, facts)))


@router.get(
    "partitions/{int:lpar_id}",
    auth=VIEWER,
    response={200: schemas.PartitionDetails} | REFUSALS,
    summary="A partition with profile and adapters",
)
def get_partition(request: HttpRequest, lpar_id: schemas.LparId) -> schemas.PartitionDetails:
    return bodies.partition_details(partition_or_refusal(lpar_id), runtime_facts())


@router.get(
    "partitions/{int:lpar_id}/reference-codes",
    auth=VIEWER,
    response={200: schemas.ReferenceCodePage} | REFUSALS,
    summary="Its reference codes, newest first",
)
def list_reference_codes(
    request: HttpRequest, lpar_id: schemas.LparId, query: schemas.PageParameters
) -> schemas.ReferenceCodePage:
    rows = ReferenceCode.objects.filter(partition=partition_or_refusal(lpar_id)).order_by("-time", "-pk")
    page = bodies.page_of(rows, query, lambda row: schemas.ReferenceCode(code=row.code, time=row.time))
    return schemas.ReferenceCodePage(**page)


@router.post(
    "partitions/{int:lpar_id}/activate",
    auth=CHANGER,
    response={202: schemas.TaskDetails} | CHANGES,
    summary="Activate it",
    description="Answers with the task that tells when it runs; Location is the task's address.",
)
def activate(request: HttpRequest, lpar_id: schemas.LparId, idempotency_key: IdempotencyKey = None) -> HttpResponse:
    def act() -> Answer:
        partition = partition_or_refusal(lpar_id)
        return begun(system.activate(partition, user=user_of(request), origin=address_of(request)))

    return once(request, idempotency_key, act)


@router.post(
    "partitions/{int:lpar_id}/shutdown",
    auth=CHANGER,
    response={202: schemas.TaskDetails} | CHANGES,
    summary="Shut it down",
    description="Answers with the task that tells when it is off; Location is the task's address.",
)
def shut_down(
    request: HttpRequest, lpar_id: schemas.LparId, body: schemas.Shutdown, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    def act() -> Answer:
        partition = partition_or_refusal(lpar_id)
        user, origin = user_of(request), address_of(request)
        return begun(system.shut_down(partition, body.type, restart=body.restart, user=user, origin=origin))

    return once(request, idempotency_key, act)


def begun(task: MonitorTask) -> Answer:
    return Answer(202, bodies.task_details(task), f"{ROOT}tasks/{task.pk}")


@router.post(
    "partitions/{int:lpar_id}/validate",
    auth=MIGRATOR,
    response={201: schemas.Report} | CHANGES,
    summary="Validate a migration",
    description="Makes every check on both sides and answers with all of them; nothing else is changed.",
)
def validate(
    request: HttpRequest, lpar_id: schemas.LparId, body: schemas.RemoteAccess, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    def act() -> Answer:
        report = services.validate(
            partition=partition_or_refusal(lpar_id),
            **body.model_dump(),
            session=Memory(token_of(request)),
            user=user_of(request),
            origin=address_of(request),
        )
        return Answer(201, bodies.report_body(report), f"{ROOT}reports/{report.pk}")

    return once(request, idempotency_key, act)


@router.post(
    "partitions/{int:lpar_id}/migrate",
    auth=MIGRATOR,
    response={202: schemas.MigrationDetails} | CHANGES | {409: schemas.ChecksFailed},
    summary="Migrate it",
    description="Validates again; where a check failed, 409 with the report. Location is the migration's address.",
)
def migrate(
    request: HttpRequest, lpar_id: schemas.LparId, body: schemas.RemoteAccess, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    def act() -> Answer:
        partition = partition_or_refusal(lpar_id)
        report, migration = services.migrate(
            partition=partition,
            **body.model_dump(),
            session=Memory(token_of(request)),
            user=user_of(request),
            origin=address_of(request),
        )
        if migration is None:
            return Answer(409, checks_failed(partition, report))
        details = bodies.migration_details(services.by_id(migration.pk))
        return Answer(202, details, f"{ROOT}migrations/{migration.pk}")

    return once(request, idempotency_key, act)


def checks_failed(partition: LogicalPartition, report: ValidationReport) -> schemas.ChecksFailed:
    body = bodies.report_body(report)
    error = Refusal(
        "api-checks-failed",
        status=409,
        name=partition.name,
        lpar_id=partition.lpar_id,
        remote=report.remote_manager,
        failed=sum(finding.outcome == Outcome.FAILED for finding in body.findings),
        checks=len(body.findings),
        report=str(report.pk),
    )
    return schemas.ChecksFailed(**body_of(error), report=body)
