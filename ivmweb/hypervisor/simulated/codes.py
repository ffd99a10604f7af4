"""Reference codes that a partition shows, in order, and what its processors are said to use."""

RUNNING = "Linux ppc64"

BOOT = (
    *("C2001000", "C2001010", "C20011FF", "C20012FF", "C20013FF", "C20014FF", "C20021FF", "C20022FF", "C20023FF"),
    *("C20024FF", "C20025FF", "C2003100", "C2006040", "C20080FF", "C2008120", "C20081FF", "C20082FF", "CA000000"),
    *(f"CA00D0{step:02X}" for step in range(0x01, 0x13)),
    *("CA00E1F1", "CA00E139", "CA00E14D", "CA00E134"),
)
SHUTDOWN = ("D2000080", "D2001010", "D20010FF", "D20080FF", "D200A200")
IMMEDIATE_SHUTDOWN = ("D20080FF", "D200A200")
BOOT_FAILED = "AA060011"

# Shown by an incoming partition while its memory arrives.
INCOMING = ("C2001010", "C20011FF", "C20012FF", "C20021FF", "C20022FF", "C20023FF", "C20024FF", "C20080FF")
LOADED = "C20082FF"

_IDLE_UNITS = 0.03
_IDLE_BYTES_PER_S = 4 * 2**20


def incoming_code(received_pages: int, pages: int) -> str:
    step = received_pages * len(INCOMING) // max(pages, 1)
    return INCOMING[min(step, len(INCOMING) - 1)]


def utilized_units(entitled_units: float, bytes_per_s: int) -> float:
    """Simulated: 0.03 up to 4 MB/s of writes, in proportion above, at most ten times the entitlement.

    An uncapped partition of 0.2 units that writes 40 MB/s is said to use 0.3.
    """
    wanted = _IDLE_UNITS * max(1.0, bytes_per_s / _IDLE_BYTES_PER_S)
    return round(min(wanted, 10 * entitled_units), 2)
