"""Forms of the properties pages. They read what was typed; which values are allowed is for the services to say."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ivmweb.common.digits import is_whole
from ivmweb.pages.formats import plain
from ivmweb.pages.forms.focus import Guiding
from ivmweb.pages.forms.names import AS_TYPED, NameField, written_out
from ivmweb.pages.wording import coded
from ivmweb.system.changes import Value, Values, fingerprint
from ivmweb.system.models.partition import BootDevice, ProcessorMode
from ivmweb.system.models.storage import ReservePolicy
from ivmweb.system.property_words import LABELS
from ivmweb.system.sections import LONGEST_NAME, MEMORY, PROCESSORS, UNITS
from ivmweb.system.system_properties import BANDWIDTH, MB, SYSTEM_NAME, megabytes
from ivmweb.system.system_properties import LONGEST_NAME as LONGEST_SYSTEM_NAME

LONGEST_SHOWN = 40
LONGEST_TASK = 18  # digits
LONGEST_NUMBER = 30  # digits; whether it is too large is for the services to say
OF_A_NUMBER = re.compile(r"[0-9+., -]*")  # Python's own also have digits of every script, underscores and 1e3
Choices = Iterable[tuple[str, str | Promise]]


class Number(forms.DecimalField):
    """Any number that can be read, whole or with two decimals; whatever else was typed is quoted with a code."""

    def __init__(self, places: int, **options: Any) -> None:
        attributes = {"inputmode": "decimal" if places else "numeric", "autocomplete": "off"}
        options.setdefault("widget", forms.TextInput(attrs=attributes))
        super().__init__(max_digits=LONGEST_NUMBER, decimal_places=places, **options)

    def clean(self, value: Any) -> Decimal | int | None:
        shown = str(value or "")
        try:
            if not OF_A_NUMBER.fullmatch(shown):
                raise ValidationError(shown)
            number = super().clean(value)
        except ValidationError as exc:
            key = "number-not-readable" if self.decimal_places else "whole-number-not-readable"
            refused = coded(key, field=str(self.label), value=written_out(shown)[:LONGEST_SHOWN])
            raise ValidationError(refused) from exc
        return int(number) if number is not None and not self.decimal_places else number

    def prepare_value(self, value: Any) -> Any:
        return plain(value, self.decimal_places or 0) if isinstance(value, Decimal) else value


class Switch(forms.CharField):
    """Two words for true and false."""

    def __init__(self, on: str | Promise, off: str | Promise, **options: Any) -> None:
        super().__init__(widget=forms.Select(choices=[("on", on), ("off", off)]), required=False, **options)

    def clean(self, value: Any) -> Any:
        if value not in ("on", "off"):
            shown = str(value or "")[:LONGEST_SHOWN]
            raise ValidationError(coded("value-not-offered", field=str(self.label), value=shown, choices="on, off"))
        return value == "on"

    def prepare_value(self, value: Any) -> Any:
        return ("on" if value else "off") if isinstance(value, bool) else value


class PropertiesForm(Guiding, forms.Form):
    """`seen` says which values the user was looking at, and which tasks there were then."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any, now: Values) -> None:
        super().__init__(data, initial={**now, "seen": fingerprint(now)})
        self.now = now

    def read_after(self, task: int | None) -> None:
        """Which task was the newest before the values were read: what came in between counts as not seen."""
        if task is not None:
            self.initial["seen"] = f"{fingerprint(self.now)}_{task}"

    @property
    def wanted(self) -> dict[str, Value]:
        return {key: value for key, value in self.cleaned_data.items() if key != "seen"}

    @property
    def seen_values(self) -> str:
        """The fingerprint of what the user was looking at."""
        return str(self.cleaned_data["seen"]).partition("_")[0]

    @property
    def seen_task(self) -> int | None:
        """The newest task of then; None where the form does not say."""
        number = str(self.cleaned_data["seen"]).partition("_")[2]
        return int(number) if is_whole(number, LONGEST_TASK) else None

    def renew_seen(self) -> None:
        """What was typed stays; sent once more, it is decided on the values that are there now."""
        self.data = {**{name: self.data[name] for name in self.data}, "seen": self.initial["seen"]}

    def put_back(self, typed: dict[str, Any]) -> None:
        """What was typed before the session ended, `seen` too: what has changed since is noticed as ever."""
        for name, field in self.fields.items() if typed else ():
            if name in typed or isinstance(field, forms.BooleanField):  # a box that is not checked sends nothing
                self.initial[name] = typed.get(name, False)

    def leave_out(self, names: Iterable[str]) -> None:
        for name in set(names) & self.fields.keys():
            del self.fields[name]


def name_field(key: str, longest: int, hint: Any) -> NameField:
    def refuse(shown: str) -> str:
        return coded("name-not-usable", field=str(LABELS[key]), value=shown, longest=longest)

    widget = forms.TextInput(attrs=AS_TYPED)
    return NameField(refuse, label=LABELS[key], help_text=hint, required=False, widget=widget)


def choice(label: Any, choices: Choices, hint: Any = "") -> forms.CharField:
    return forms.CharField(label=label, help_text=hint, required=False, widget=forms.Select(choices=[*choices]))


def number(key: str, places: int = 0, hint: Any = "", *, required: bool = True) -> Number:
    return Number(places, label=LABELS[key], help_text=hint, required=required)


class GeneralForm(PropertiesForm):
    about: ClassVar[Mapping[str, str]] = {"partition-name-taken": "name"}

    name = name_field("name", LONGEST_NAME, _("Up to 31 letters, digits, periods, hyphens and underscores."))
    workload_group = number(
        "workload_group",
        hint=_("1 to 255; empty: none. A partition that is in one can't be migrated."),
        required=False,
    )

    def __init__(self, data: Any, now: Values, boot_devices: list[str]) -> None:
        super().__init__(data, now)
        offered = boot_choices(boot_devices, now["boot_from"])
        if len(offered) > 1:
            self.fields["boot_from"] = choice(LABELS["boot_from"], offered)


def boot_choices(devices: list[str], present: Value) -> list[tuple[str, str | Promise]]:
    return [(value, label) for value, label in BootDevice.choices if value in devices or value == present]


class MemoryForm(PropertiesForm):
    def __init__(self, data: Any, now: Values) -> None:
        super().__init__(data, now)
        self.fields.update({key: number(key) for key in MEMORY})


class ProcessingForm(PropertiesForm):
    def __init__(self, data: Any, now: Values, modes: list[str]) -> None:
        super().__init__(data, now)
        present = str(now["compatibility_mode"])
        offered = [*modes, *([present] if present not in modes else [])]
        self.fields.update({key: number(key, 2) for key in UNITS})
        self.fields.update({key: number(key) for key in PROCESSORS})
        self.fields["processor_mode"] = choice(LABELS["processor_mode"], ProcessorMode.choices)
        self.fields["compatibility_mode"] = choice(
            LABELS["compatibility_mode"],
            [(mode, mode) for mode in offered],
            _("A migration needs a mode that both systems support."),
        )
        self.fields["uncapped_weight"] = number(
            "uncapped_weight", hint=_("0 to 255: its share of processing units that others leave unused.")
        )


class EthernetForm(PropertiesForm):
    def __init__(self, data: Any, now: Values, networks: list[int]) -> None:
        super().__init__(data, now)
        offered = sorted({*networks, *(int(vlan or 0) for vlan in now.values())})
        for key in now:
            widget = forms.Select(choices=[(vlan, f"VLAN {vlan}") for vlan in offered])
            self.fields[key] = Number(0, label=_("Virtual network"), widget=widget)


class StorageForm(PropertiesForm):
    def __init__(self, data: Any, now: Values) -> None:
        super().__init__(data, now)
        self.fields.update({key: choice(_("Reserve policy"), ReservePolicy.choices) for key in now})


class AdaptersForm(PropertiesForm):
    def __init__(self, data: Any, now: Values) -> None:
        super().__init__(data, now)
        self.fields.update({key: forms.BooleanField(required=False) for key in now})


class SystemGeneralForm(PropertiesForm):
    system_name = name_field(
        SYSTEM_NAME, LONGEST_SYSTEM_NAME, _("Up to 64 letters, digits, periods, hyphens and underscores.")
    )
    attention_led = Switch(_("Active"), _("Inactive"), label=LABELS["attention_led"])


class MobilityForm(PropertiesForm):
    active_mobility_capable = Switch(_("Active"), _("Inactive"), label=LABELS["active_mobility_capable"])
    inactive_mobility_capable = Switch(_("Active"), _("Inactive"), label=LABELS["inactive_mobility_capable"])
    active_migrations_supported = number("active_migrations_supported", hint=_("0 to 8 at once, in both directions."))
    inactive_migrations_supported = number(
        "inactive_migrations_supported", hint=_("0 to 64 at once, in both directions.")
    )
    migration_bandwidth_bytes_per_s = number(
        BANDWIDTH, 2, _("0: no limit. Of each migration from this system; 0.1 at least.")
    )
    allowed_suspension_ms = number(
        "allowed_suspension_ms",
        hint=_("10 to 30000: the partition is suspended when the rest can be sent in this time."),
    )
    slow_partition = Switch(
        _("Slow the partition down, step by step"),
        _("Leave it at its speed"),
        label=LABELS["slow_partition"],
        help_text=_(
            "When the partition writes its memory faster than it can be sent. It counts for migrations that begin "
            "from then on. The slowing ends with the transfer, at the latest."
        ),
    )
    suspend_anyway = Switch(
        _("Suspend anyway, for longer than allowed"),
        _("Roll back"),
        label=LABELS["suspend_anyway"],
        help_text=_("When the partition, slowed down or not, writes its memory faster than it can be sent."),
    )

    def __init__(self, data: Any, now: Values) -> None:
        super().__init__(data, now)
        self.initial[BANDWIDTH] = megabytes(int(now[BANDWIDTH] or 0))
        self.exact = now[BANDWIDTH]

    def clean_migration_bandwidth_bytes_per_s(self) -> Value:
        """Bytes per second. A number that was left as it is shown stands for the exact one behind it."""
        shown = self.cleaned_data[BANDWIDTH]
        return self.exact if shown == self.initial[BANDWIDTH] else int(shown * MB)
