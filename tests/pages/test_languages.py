"""A reader chooses the language; what is stored and what other programs read stays English."""

import re

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system.models import AuditEvent
from ivmweb.system.property_words import change_sentence
from migration.curve import Point, with_point
from migration.models import TransferCurve
from tests.pages.conftest import text_of

CHINESE = re.compile(r"[一-鿿]")
IN_CHINESE = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"}
PAGES = ("partitions", "system-properties", "users", "remote-systems", "tasks", "profile", "help")


@pytest.fixture(autouse=True)
def english_again():
    """A request of the test client leaves its language to the thread."""
    yield
    translation.deactivate()


def stored_chinese():
    """Every text of the database that has Chinese in it. Sessions hold messages on their way to one reader."""
    return [
        (model.__name__, name, value)
        for model in apps.get_models()
        if model is not Session
        for row in model.objects.values()
        for name, value in row.items()
        if CHINESE.search(str(value))
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_browser_that_prefers_chinese_gets_it(as_padmin, system, uli13lp1, facts, name):
    page = text_of(as_padmin.get(reverse(name), headers=IN_CHINESE))
    assert '<html lang="zh-hans">' in page
    assert "集成虚拟化管理器" in page
    assert "查看/修改分区" in page
    assert "监视任务" in page
    assert "Welcome" not in page


def test_the_words_are_those_of_ibm(as_padmin, system, uli13lp1, facts):
    page = text_of(as_padmin.get(reverse("partitions"), headers=IN_CHINESE))
    for word in (
        "查看/修改系统属性",
        "服务管理",
        "迁移性",
        "迁移",
        "状态",
        "属性",
        "正在运行",
        "正常运行时间",
        "参考码",
        "利用的处理器单元数",
    ):
        assert word in page
    assert "13.47 天" in page


def test_another_language_gets_english(as_padmin, system, uli13lp1, facts):
    page = text_of(as_padmin.get(reverse("partitions"), headers={"accept-language": "de"}))
    assert '<html lang="en">' in page
    assert not CHINESE.search(page.replace("简体中文", ""))


def test_the_language_is_chosen_before_the_log_in_and_remembered(client, db):
    page = text_of(client.get(reverse("login")))
    assert f'action="{reverse("language")}"' in page
    assert 'lang="zh-hans">简体中文</button>' in page
    answer = client.post(reverse("language"), {"language": "zh-hans", "next": "/login/?next=/tasks/"})
    assert answer.headers["Location"] == "/login/?next=/tasks/"
    assert answer.cookies[settings.LANGUAGE_COOKIE_NAME]["max-age"] > 30 * 24 * 60 * 60
    page = text_of(client.get(reverse("login"), headers={"accept-language": "en"}))
    assert "欢迎，请输入您的信息。" in page
    assert 'lang="en">English</button>' in page


def test_choosing_a_language_never_leads_to_another_site(client, db):
    answer = client.post(reverse("language"), {"language": "zh-hans", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


def test_choosing_a_language_needs_a_form_of_this_console(db):
    answer = Client(enforce_csrf_checks=True).post(reverse("language"), {"language": "zh-hans"})
    assert answer.status_code == 403
    assert settings.LANGUAGE_COOKIE_NAME not in answer.cookies


def test_a_message_is_told_in_chinese_with_its_code(client, db):
    answer = client.post(reverse("login"), {"username": "nobody", "password": "wrong"}, headers=IN_CHINESE)
    assert "[VIOSE01049000-9001] 用户标识或密码不正确。" in text_of(answer)


def test_words_inside_a_message_are_chinese_too(as_viewer, system, uli13lp1, facts):
    answer = as_viewer.post(reverse("activate"), {"partition": "2"}, headers=IN_CHINESE)
    assert "[VIOSE01049000-9050] 用户 viewer 不能更改分区和设置。" in text_of(answer)


def test_a_record_is_told_in_the_language_of_each_reader(as_padmin, system):
    error = PrerequisiteFailed(
        "wrong-state",
        name="Running",
        lpar_id=2,
        state="Starting",
        operation="Activate",
        needed="Error or Not Activated",
    )
    task = monitor.start_task("Activate Partition", "Running (2)", "padmin")
    monitor.add_line(task, change_sentence("suspend_anyway", False, True))
    monitor.end_task(task, TaskStatus.FAILED, Sentence.of(error))
    address = reverse("task", args=[task.pk])
    english, chinese = text_of(as_padmin.get(address)), text_of(as_padmin.get(address, headers=IN_CHINESE))
    assert "[VIOSE01049000-9054] Partition Running (ID 2) is in state Starting; Activate needs" in english
    assert "converge: no → yes" in english
    assert "[VIOSE01049000-9054] 分区 Running（标识 2）的状态是“正在启动”；“激活”需要" in chinese
    assert "仍然暂挂：否 → 是" in chinese
    assert "Running (2)" in chinese


def test_what_a_chinese_reader_does_is_stored_in_english(as_padmin, system, uli13lp1, facts):
    def post(view, /, *arguments, **fields):
        as_padmin.post(reverse(view, args=arguments), fields, headers=IN_CHINESE)

    for group in ("999", "5"):  # refused, done
        post("partition-properties", 2, "general", name="uli13lp1", workload_group=group)
    mobility = {
        "allowed_suspension_ms": "200",
        "migration_bandwidth_bytes_per_s": "0",
        "slow_partition": "on",
        "suspend_anyway": "on",
    }
    capable = {
        "active_mobility_capable": "off",
        "inactive_mobility_capable": "on",
        "inactive_migrations_supported": "9",
    }
    for most in ("99", "3"):
        post("system-properties", "mobility", **mobility, **capable, active_migrations_supported=most)
    for password in ("12345678", "correct horse 7"):
        new = {"new_password": password, "new_password_again": password}
        post("user-create", name="anna", role="View Only", **new)
    for lpar_id in ("1", "2"):  # the management partition; the hypervisor does not answer
        post("activate", partition=lpar_id)
        post("shutdown", partition=lpar_id, type="immediate")
    post("migrate", 2, remote_manager="nowhere", remote_user="padmin", password="padmin", migrate="1")
    assert stored_chinese() == []
    assert MonitorTask.objects.filter(status=TaskStatus.SUCCEEDED).count() == 3
    texts = " ".join(AuditEvent.objects.values_list("text", flat=True))
    assert "Partition workload group is 999; it must be" in texts
    assert "Active migrations supported is 99; it must be" in texts
    assert "Shutdown would affect the whole server" in texts
    assert "This password is too common." in texts


def test_the_api_answers_in_english(as_padmin, client, system):
    answer = client.get("/api/v1/partitions", headers=IN_CHINESE)
    assert answer.status_code == 401
    assert "The request carries no token" in answer.json()["message"]


def test_a_drawing_has_the_same_coordinates_in_each_language(as_padmin, facts, make_migration):
    migration = make_migration(bytes_total=10**9)
    points = []
    for second in range(30):
        points = with_point(points, Point(second / 7, 10**9 - second * 33_333_333, second * 33_333_333))
    TransferCurve.objects.create(migration=migration, points=[list(point) for point in points])
    address = reverse("migration", args=[migration.pk])
    drawings = [
        re.findall(
            r' (?:points|d|x|y|x1|y1|width|height|viewBox)="([^"]*)"',
            text_of(as_padmin.get(address, headers=headers)),
        )
        for headers in ({"accept-language": "en"}, IN_CHINESE)
    ]
    assert len(drawings[0]) > 10
    assert drawings[0] == drawings[1]


@pytest.mark.parametrize("name", PAGES)
def test_chinese_costs_no_query(as_padmin, system, uli13lp1, facts, name):
    counts = []
    for headers in ({"accept-language": "en"}, {"accept-language": "en"}, IN_CHINESE):
        with CaptureQueriesContext(connection) as queries:
            as_padmin.get(reverse(name), headers=headers)
        counts.append(len(queries))
    assert counts[1] == counts[2]


TYPED = {"remote_manager": "half", "remote_user": "someb", "password": "very secret", "language": "zh-hans"}


def test_without_scripts_the_language_button_of_a_form_keeps_what_is_typed(as_padmin, uli13lp1):
    page = "/partitions/2/migrate/"
    shown = text_of(as_padmin.get(page))
    assert re.search(r'<noscript>.*<button form="typed-form" formaction="/language/" formnovalidate', shown)
    assert shown.find('formaction="/language/"') > shown.find('name="migrate"')  # the Enter key presses the first
    answer = as_padmin.post("/language/", TYPED, headers={"referer": f"http://testserver{page}"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"http://testserver{page}")
    shown = text_of(as_padmin.get(page))
    assert 'lang="zh-hans"' in shown
    assert 'value="half"' in shown
    assert 'value="someb"' in shown
    assert "very secret" not in shown
    assert "9035" not in shown  # no session has ended
    as_padmin.get("/")
    assert "9037" not in text_of(as_padmin.get("/"))  # and no button was pressed


def test_a_language_that_is_chosen_in_the_banner_keeps_nothing(as_padmin, uli13lp1):
    as_padmin.post("/language/", TYPED | {"next": "/partitions/2/migrate/"})
    assert 'value="half"' not in text_of(as_padmin.get("/partitions/2/migrate/"))
