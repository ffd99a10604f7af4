"""How values are written on pages, as IVM writes them. Pure functions of plain values."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S
KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40


def plain(value: Decimal | float, places: int) -> str:
    """Rounded to so many places, without the zeros at the end: 1.80 is "1.8", 2.00 is "2"."""
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return f"{rounded:f}".rstrip("0").rstrip(".") if places else f"{rounded:f}"


def memory(mb: int) -> str:
    """2752 is "2.69 GB", 320 is "320 MB"."""
    return f"{plain(mb / 1024, 2)} GB" if mb >= 1024 else f"{mb} MB"


def units(value: Decimal | float) -> str:
    return plain(value, 2)


def utilization(used: float, installed: Decimal | float) -> str:
    """0.04 of 4 processing units is "0.04 (1.0%)"."""
    share = 100 * used / float(installed) if installed else 0.0
    return f"{used:.2f} ({share:.1f}%)"


def uptime(seconds: float | None) -> str:
    """Two decimals and a unit: "13.47 Days"; blank while not running."""
    if seconds is None:
        return ""
    if seconds >= DAY_S:
        return _("%(number)s Days") % {"number": f"{seconds / DAY_S:.2f}"}
    if seconds >= HOUR_S:
        return _("%(number)s Hours") % {"number": f"{seconds / HOUR_S:.2f}"}
    return _("%(number)s Minutes") % {"number": f"{seconds / MINUTE_S:.2f}"}


def amount(count: int) -> str:
    """Bytes for people: 1090875392 is "1.02 GB"."""
    for unit, size in (("TB", TIB), ("GB", GIB), ("MB", MIB), ("KB", KIB)):
        if count >= size:
            return f"{plain(count / size, 2)} {unit}"
    return ngettext("%(number)s byte", "%(number)s bytes", count) % {"number": count}


def rate(bytes_per_s: int | None) -> str:
    """In the units of amounts: 78643200 is "75 MB per second". Blank: unknown."""
    if bytes_per_s is None:
        return ""
    for unit, size in (("GB", GIB), ("MB", MIB), ("KB", KIB)):
        if bytes_per_s >= size:
            return _("%(amount)s per second") % {"amount": f"{plain(bytes_per_s / size, 1)} {unit}"}
    words = ngettext("%(number)s byte per second", "%(number)s bytes per second", bytes_per_s)
    return words % {"number": bytes_per_s}


def duration(seconds: float | None) -> str:
    """ "48 s", "3 min 05 s", "2 h 07 min"; blank where nobody knows."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < MINUTE_S:
        return _("%(s)s s") % {"s": whole}
    if whole < HOUR_S:
        return _("%(min)s min %(s)02d s") % {"min": whole // MINUTE_S, "s": whole % MINUTE_S}
    return _("%(h)s h %(min)02d min") % {"h": whole // HOUR_S, "min": whole % HOUR_S // MINUTE_S}


def span(seconds: float) -> str:
    """A length of time, short ones exactly: "0 s", "67 ms", "1.23 s", "48 s", "3 min 05 s"."""
    return milliseconds(1000 * seconds) if 0 < seconds < 10 else duration(seconds)


def milliseconds(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 1000:
        return _("%(number)s s") % {"number": plain(value / 1000, 2)}
    return _("%(number)s ms") % {"number": plain(value, 0)}


def moment(value: datetime | None) -> str:
    """With the zone's name: two consoles and a log may stand in different ones."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"
