import pytest

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.monitor.models import MonitorTask
from ivmweb.system.actions import action
from ivmweb.system.models import AuditEvent
from ivmweb.system.rights import Operator, Right


def test_an_action_is_audited_and_a_row_once_it_is_over(padmin):
    with action(padmin, "127.0.0.1", Right.CHANGE, "Do It", "thing") as report:
        assert not MonitorTask.objects.exists()
        report.detail = Sentence("done")
        report.lines = [Sentence("first"), Sentence("second")]
    task = MonitorTask.objects.get()
    assert (task.name, task.target, task.user, task.status) == ("Do It", "thing", "padmin", "succeeded")
    assert [str(line) for line in task.lines.all()] == ["first", "second"]
    event = AuditEvent.objects.get()
    assert (event.action, event.thing, event.origin, event.outcome) == ("Do It", "thing", "127.0.0.1", "accepted")


def test_a_refused_action_is_a_failed_row_with_its_message(padmin):
    with pytest.raises(PrerequisiteFailed), action(padmin, "", Right.CHANGE, "Do It", "thing"):
        raise PrerequisiteFailed("page-not-found", path="/x/")
    task = MonitorTask.objects.get()
    assert (task.status, task.code) == ("failed", "VIOSE01049000-9010")
    assert AuditEvent.objects.get().outcome == "refused"


def test_without_the_right_nothing_is_done_and_no_row_made(viewer):
    with pytest.raises(PrerequisiteFailed), action(viewer, "", Right.CHANGE, "Do It", "thing"):
        raise AssertionError("not reached")
    assert not MonitorTask.objects.exists()
    assert AuditEvent.objects.get().code == "VIOSE01049000-9050"


def test_whoever_has_a_shell_on_the_console_may_act_and_is_named_so(db):
    with action(Operator(), "", Right.CHANGE, "Do It", "thing"):
        pass
    assert MonitorTask.objects.get().user == "(manage.py)"
