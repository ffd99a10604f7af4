"""What the properties pages share: tabs, facts, and what becomes of a form."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from ivmweb.common.errors import IvmError
from ivmweb.pages import formats
from ivmweb.pages.access import origin_of
from ivmweb.pages.forms.properties import PropertiesForm
from ivmweb.pages.wording import coded, in_words, words_of
from ivmweb.system.changes import Asked, changes_since, differences
from ivmweb.system.property_words import change_sentence


@dataclass(frozen=True)
class TabLink:
    title: str | Promise
    address: str
    current: bool


@dataclass(frozen=True)
class Records:
    """Where Monitor Tasks has the changes of a thing: the task's name, and how its target ends."""

    task: str
    whose: str


@dataclass(frozen=True)
class Fact:
    label: str | Promise
    value: Any
    tone: str = ""  # of a state


def facts_of(form: PropertiesForm, names: Iterable[str]) -> list[Fact]:
    """Values that are shown instead of being asked for, under the labels of their fields."""
    return [Fact(form[name].label, shown(form, name)) for name in names if name != "seen"]


def shown(form: PropertiesForm, name: str) -> Any:
    """The value as its field would show it; the words of a choice."""
    value = form.fields[name].prepare_value(form.get_initial_for_field(form.fields[name], name))
    choices = dict(getattr(form.fields[name].widget, "choices", ()))
    return choices.get(value, "" if value is None else value)


def submit(
    request: HttpRequest,
    form: PropertiesForm,
    change: Callable[[Asked], bool],
    thing: str,
    records: Records,
    done: str,
) -> tuple[HttpResponse | None, str]:
    """Carry the form out: the redirect, or why not.

    OK leads to `done`; Apply stays on the page.
    """
    if not form.is_valid():
        return None, ""
    asked = Asked(form.wanted, request.user, origin_of(request), form.seen_values)
    try:
        changed = change(asked)
    except IvmError as error:
        is_late = error.key == "properties-changed-meanwhile"
        return None, overtaken(form, error, records) if is_late else form.refused_by(error)
    if changed:
        messages.success(request, _("The operation completed successfully."))
    else:
        messages.info(request, coded("nothing-to-change", thing=thing))
    return redirect(request.path if "apply" in request.POST else done), ""


def overtaken(form: PropertiesForm, error: IvmError, records: Records) -> str:
    """Who was faster; and what the same form would undo of that is said before it can be sent once more."""
    who = changed_by(form, records)
    form.renew_seen()
    changed = differences(form.now, form.wanted)
    lines = "; ".join(in_words(change_sentence(key, form.now.get(key), value)) for key, value in changed.items())
    more = _("What you typed is still in the fields. Sent once more as it is, it changes: %(changes)s.")
    return " ".join([words_of(error), *who, more % {"changes": lines}])


def changed_by(form: PropertiesForm, records: Records) -> list[str]:
    """A sentence for each change that Monitor Tasks has since the user looked; none where it has none."""
    if form.seen_task is None:
        return []
    keys = [key for key in form.now if key in form.fields]
    found = changes_since(form.seen_task, records.task, records.whose, keys)
    sentence = _("%(user)s changed at %(time)s: %(changes)s.")
    return [
        sentence
        % {
            "user": changed.user,
            "time": formats.moment(changed.time),
            "changes": "; ".join(in_words(line) for line in changed.lines),
        }
        for changed in found
    ]
