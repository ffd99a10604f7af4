"""Filters that write values as IVM does, and words for what is stored in English."""

import re
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from ivmweb.monitor.models import TaskStatus
from ivmweb.pages import formats
from ivmweb.pages.access import origin_of
from ivmweb.pages.forms.names import LONGEST_SHOWN, written_out
from ivmweb.pages.wording import coded, in_words, translated
from migration.told import told

register = template.Library()
PLACES_TO_WRAP = re.compile(r"(?<=[-.])(?=.)|(?<=[0-9A-Fa-f]{8})(?=(?:[0-9A-Fa-f]{8})+(?![0-9A-Fa-f]))")
TASK_TONES = {
    TaskStatus.RUNNING: "busy",
    TaskStatus.QUEUED: "attention",
    TaskStatus.SUCCEEDED: "good",
    TaskStatus.FAILED: "bad",
    TaskStatus.STOPPED: "quiet",
    TaskStatus.ATTENTION: "attention",
}

for function in (
    formats.memory,
    formats.units,
    formats.uptime,
    formats.amount,
    formats.rate,
    formats.duration,
    formats.milliseconds,
    formats.span,
    formats.moment,
):
    register.filter(function.__name__, function)
register.filter("words", translated)
register.filter("in_words", in_words)
register.filter("told", told)


@register.simple_tag(takes_context=True)
def locked_out(context: dict[str, Any]) -> str:
    request = context["request"]
    user = request.POST.get("username") or request.user.get_username()
    return coded(
        "login-locked",
        user=written_out(user[:LONGEST_SHOWN]),
        address=origin_of(request),
        limit=settings.AXES_FAILURE_LIMIT,
        minutes=round(float(settings.AXES_COOLOFF_TIME) * 60),
    )


@register.simple_tag
def message_text(key: str, **params: Any) -> str:
    """A message of the catalogue with its code."""
    return coded(key, **params)


@register.simple_tag
def fingerprint(text: str) -> SafeString:
    """For people to compare: a line never ends within a pair. Copied, it is as it was."""
    return format_html(
        '<code class="fingerprint">{}</code>', format_html_join(mark_safe("<wbr>"), "{}", pairs_of(text))
    )


def pairs_of(text: str) -> list[tuple[str]]:
    *before, last = text.split(":")
    return [(f"{pair}:",) for pair in before] + [(last,)]


@register.filter
def wraps(code: str) -> SafeString:
    """A location code or the number of a LUN: a line ends behind a hyphen, a period or eight hexadecimal digits."""
    return format_html_join(mark_safe("<wbr>"), "{}", [(piece,) for piece in PLACES_TO_WRAP.split(str(code))])


@register.filter
def task_tone(status: str) -> str:
    return TASK_TONES[TaskStatus(status)]
