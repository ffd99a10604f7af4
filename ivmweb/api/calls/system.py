"""The server, its tasks, and the remote systems it knows."""

from django.conf import settings
from django.http import HttpRequest

from ivmweb.api import bodies, schemas
from ivmweb.api.guard import make_router
from ivmweb.api.refusals import OF_BODIES, REFUSALS, Refusal
from ivmweb.api.tokens import UserToken, user_of
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import system_properties
from ivmweb.system.changes import Asked
from ivmweb.system.inventory import runtime_facts
from ivmweb.system.models import ManagedSystem
from ivmweb.system.rights import Right
from migration.models import RemoteSystem
from migration.peer.lockout import address_of
from migration.peer.messages import Refused

router = make_router("system")
VIEWER, CHANGER = UserToken(Right.VIEW), UserToken(Right.CHANGE)
CHANGES = REFUSALS | OF_BODIES | {409: Refused}


@router.get("system", auth=VIEWER, response={200: schemas.System} | REFUSALS, summary="The server")
def system(request: HttpRequest) -> schemas.System:
    return bodies.system_body(ManagedSystem.objects.get(), runtime_facts())


@router.patch(
    "system", auth=CHANGER, response={200: schemas.System} | CHANGES, summary="Change the server's settings"
)
def change_system(request: HttpRequest, body: schemas.SystemChange) -> schemas.System:
    """Takes effect at once, for migrations that go on too."""
    names = (*system_properties.GENERAL, *system_properties.MOBILITY)
    system_properties.change(names, Asked(body.model_dump(exclude_unset=True), user_of(request), address_of(request)))
    return bodies.system_body(ManagedSystem.objects.get(), runtime_facts())


@router.get("tasks", auth=VIEWER, response={200: schemas.TaskPage} | REFUSALS, summary="Tasks, newest first")
def list_tasks(request: HttpRequest, query: schemas.TaskParameters) -> schemas.TaskPage:
    rows = MonitorTask.objects.prefetch_related("migrations")
    if query.status is not None:
        rows = rows.filter(status=query.status)
    return schemas.TaskPage(**bodies.page_of(rows, query, bodies.task_body))


@router.get("tasks/{int:task_id}", auth=VIEWER, response={200: schemas.TaskDetails} | REFUSALS, summary="A task")
def get_task(request: HttpRequest, task_id: schemas.TaskId) -> schemas.TaskDetails:
    task = MonitorTask.objects.prefetch_related("migrations").filter(pk=task_id).first()
    if task is None:
        raise not_found("task", str(task_id))
    return bodies.task_details(task)


@router.get(
    "remote-systems",
    auth=VIEWER,
    response={200: schemas.RemoteSystemPage} | REFUSALS,
    summary="Remote systems",
    description="The consoles to which partitions can be migrated.",
)
def list_remote_systems(request: HttpRequest, query: schemas.PageParameters) -> schemas.RemoteSystemPage:
    rows = RemoteSystem.objects.order_by("name")
    return schemas.RemoteSystemPage(**bodies.page_of(rows, query, bodies.remote_body))


def not_found(kind: str, identifier: str) -> Refusal:
    return Refusal("api-not-found", status=404, kind=kind, id=identifier, host=settings.CONSOLE)
