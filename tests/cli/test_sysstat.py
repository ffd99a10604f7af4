"""sysstat and lsvet: what is true of this machine, and nothing else."""

import re
import time
from datetime import UTC, datetime

import pytest
from django.test import Client

from ivmweb.cli import logins
from ivmweb.cli.commands.sysstat import heading, uptime

LINE = r"\d\d:\d\d[AP]M  up 1 day,  2:03, (\d+ users?), load average: 1\.50, 2\.25, 3\.00\n"


@pytest.fixture(autouse=True)
def nobody_over_ssh(monkeypatch):
    monkeypatch.setattr(logins, "_over_ssh", {})


@pytest.fixture
def web(padmin):
    client = Client()
    client.force_login(padmin, "django.contrib.auth.backends.ModelBackend")
    return client


def test_the_heading_is_as_aix_has_it():
    now = datetime(2026, 11, 27, 14, 54, tzinfo=UTC)
    load = (0.06, 0.03, 0.02)
    up_s = 24 * 86400 + 5 * 3600 + 41 * 60 + 59
    assert heading(now, up_s, 1, load) == "02:54PM  up 24 days,  5:41, 1 user, load average: 0.06, 0.03, 0.02"
    assert heading(now, 60, 0, load) == "02:54PM  up 1 min, 0 users, load average: 0.06, 0.03, 0.02"


@pytest.mark.parametrize(
    ("up_s", "said"),
    [
        (0, "0 mins"),
        (3599, "59 mins"),
        (3600, " 1:00"),
        (86399, "23:59"),
        (86400, "1 day,  0:00"),
        (2e6, "23 days,  3:33"),
    ],
)
def test_uptime_is_in_days_hours_and_minutes(up_s, said):
    assert uptime(up_s) == said


def test_load_and_uptime_are_this_machines(prompt, uli13, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (1.5, 2.25, 3.0))
    monkeypatch.setattr("time.clock_gettime", {time.CLOCK_BOOTTIME: 86400 + 2 * 3600 + 3 * 60.0}.get)
    prompt("sysstat -short")
    assert re.fullmatch(LINE, prompt.out)[1] == "0 users"
    assert (prompt.status, prompt.err) == (0, "")


def test_log_ins_on_pages_and_over_ssh_are_listed(prompt, web, uli13):
    logins.begin("a connection", "padmin", "127.0.0.1")
    logins.begin("another", "viewer", "127.0.0.2")
    first, head, *rows = prompt.lines("sysstat")
    assert ", 3 users, " in first
    assert head.split() == ["User", "tty", "login@", "from"]
    assert [row.split()[:2] for row in rows] == [["padmin", "ssh"], ["viewer", "ssh"], ["padmin", "web"]]
    assert ", 2 users, " in prompt("sysstat -short padmin")
    assert len(prompt.lines("sysstat -long padmin")) == 4
    logins.end("a connection")
    logins.end("a connection")
    assert ", 1 user, " in prompt("sysstat -short padmin")


def test_who_has_logged_out_or_has_a_new_password_is_not_counted(prompt, web, padmin, uli13):
    assert ", 1 user, " in prompt("sysstat -short")
    padmin.set_password("another one of these")
    padmin.save()
    assert ", 0 users, " in prompt("sysstat -short")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("sysstat -long -short", "9551"),
        ("sysstat nobody", "9559"),
        ("sysstat 'padmin, \"é\"'", "9559"),
        ("sysstat padmin padmin", "9552"),
        ("lsvet", "0006"),
        ("lsvet -t all", "9550"),
        ("lsvet -t hist -F nothing", "9554"),
        ("lsvet -t code -m other", "9557"),
    ],
)
def test_wrong_input_is_said(prompt, uli13, line, code):
    assert prompt(line) == ""
    assert prompt.status == 1
    assert f"-{code}]" in prompt.err


def test_an_activation_code_is_ordered_by_the_systems_identity(prompt, uli13):
    assert prompt("lsvet -t code") == "sys_type=7998,sys_serial_num=100390A\n"
    assert prompt("lsvet -t code -F sys_serial_num --header") == "sys_serial_num\n100390A\n"


def test_no_code_was_ever_entered(prompt, uli13):
    for line in ("lsvet -t hist", "lsvet -t hist -F time_stamp,entry --header"):
        assert prompt(line) == ""
        assert (prompt.status, prompt.err) == (0, "[VIOSI01040010-0003] No results were found.\n")
