"""What all changes of properties have in common: which values differ, and whether somebody was faster."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext_noop

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system.property_words import change_sentence, label, name_in
from ivmweb.system.rights import AnyUser

EMPTY = gettext_noop("(empty)")  # stands in messages for a text that is not there
MOST_CHANGES = 3  # that a refusal names
Value = str | int | Decimal | bool | None
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Asked:
    """What a user wants, and what the user was looking at."""

    wanted: Values  # the properties that may change; others stay
    user: AnyUser
    origin: str
    seen: str = ""  # fingerprint of the values shown; empty: whatever they were


def fingerprint(values: Values) -> str:
    """Equal as long as all values are."""
    plain = sorted((key, _plain(value)) for key, value in values.items())
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:16]


def _plain(value: Value) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else repr(value)


def differences(now: Values, wanted: Values) -> dict[str, Value]:
    """The wanted values that are not there yet; a property that is not there any more counts as one."""
    return {key: value for key, value in wanted.items() if key not in now or now[key] != value}


def check_seen(asked: Asked, now: Values, thing: str) -> None:
    """Raises PrerequisiteFailed where the user decided on values that are not the present ones."""
    outdated = asked.seen and asked.seen != fingerprint(now)
    unknown = sorted(asked.wanted.keys() - now.keys())
    if unknown and not asked.seen:
        names = {"unknown": name_in(unknown[0])[:64], "known": ", ".join(map(name_in, now))[:200] or "nothing"}
        raise PrerequisiteFailed("device-unknown", thing=thing, **names)
    if outdated or unknown:
        raise PrerequisiteFailed("properties-changed-meanwhile", thing=thing)


def check_range(key: str, value: Value, low: Decimal | int, high: Decimal | int) -> None:
    if not isinstance(value, int | Decimal) or not low <= value <= high:
        raise PrerequisiteFailed(
            "value-out-of-range", field=label(key), value=str(value), low=str(low), high=str(high)
        )


def check_choice(key: str, value: Value, choices: list[str]) -> None:
    if value not in choices:
        raise PrerequisiteFailed(
            "value-not-offered", field=label(key), value=str(value)[:64] or EMPTY, choices=", ".join(choices)
        )


@dataclass(frozen=True)
class Changed:
    """By whom and when, and the lines of Monitor Tasks that say what."""

    user: str
    time: datetime
    lines: list[Sentence]


def changes_since(task_id: int, name: str, whose: str, keys: Iterable[str]) -> list[Changed]:
    """Those of the properties `keys` that Monitor Tasks has after that task, oldest first, and the latest of many.

    `name`: what such a task is called. `whose`: how its target ends, as a name may have been changed.
    """
    texts = {change_sentence(key, 0, new).text for key in keys for new in (0, 1)}
    tasks = MonitorTask.objects.filter(pk__gt=task_id, name=name, target__endswith=whose, status=TaskStatus.SUCCEEDED)
    found = tasks.filter(lines__text__in=texts).distinct().order_by("-pk")[:MOST_CHANGES]
    return [
        Changed(task.user, task.started_at, [line.sentence for line in task.lines.all() if line.text in texts])
        for task in reversed(found)
    ]


def record_task(name: str, target: str, asked: Asked, now: Values, changed: Values) -> None:
    """One ended row in Monitor Tasks, with a line for each property. Call in the transaction of the change."""
    task = monitor.start_task(name, target, asked.user.get_username())
    for key, value in changed.items():
        monitor.add_line(task, change_sentence(key, now[key], value))
    monitor.end_task(task, TaskStatus.SUCCEEDED)
