"""docs/fault-matrix.md, made from the results: how it was played, what was seen, a row a cell."""

from collections import Counter
from collections.abc import Iterator

from tests.matrix import results
from tests.matrix.cells import PHASES, QEMU, SIMULATED, Cell, all_cells, faults_of, reasons
from tests.matrix.faults import IDLE, NOTHING
from tests.matrix.play import LIMIT_S
from tests.matrix.stage import GRACE_S, LEASE_S, MEMORY_MB
from tools.paths import ROOT

DOCUMENTS = {SIMULATED: ROOT / "docs" / "fault-matrix.md", QEMU: ROOT / "docs" / "fault-matrix-qemu.md"}
OF_SIMULATED = f"""# The fault matrix

Made by `python -m tests.matrix report` from the results of `./ivm test --matrix`; not written by hand.

Two real consoles on loopback, each with all its processes, leases of {LEASE_S} s and a grace of {GRACE_S} s. The
running partition uli13lp1 ({MEMORY_MB[SIMULATED]} MB, a workload that keeps writing) moves from uli13, the *source*,
to uli14, the *destination*. In each cell the move is held at a phase, a fault is brought about there, both go on, and
the fault is ended. Then the cell is judged. It holds where all of this is so, at the latest {LIMIT_S:.0f} s after the
fault's end and with at most one press of Recover:

- **I1** both hypervisors, asked all the time, never had two running copies; **I1b** the counter in the partition's
  memory never went back without a boot; **I2** the partition is on just one system, and runs unless the fault took
  a hypervisor or shut it down; **I3** the memory digests of both sides, where both are known, are equal;
- **I4** the final states match, and the pages' records say what the hypervisor says; **I5** no shell, adapter,
  mapping, hold, mover port or offered LUN is left, memory and processing units add up; **I7** percent and bytes
  never ran backwards;
- **I8** the records on the LUN have no gap and one writer at a time, and no command was refused by a LUN's owner
  word;
- a Stop that was answered with yes has stopped it and is recorded, one that was too late is not; no process
  logged an error but those that the fault itself makes (of a library that loses the broker, of a database whose
  disk is full).

How faults are made: processes are killed (SIGKILL) or frozen (SIGSTOP), and started again by the lab's supervisor.
Where root and iptables are, each lab has a network namespace of its own, in which packets are dropped: in a cut all
that one side sends, acknowledgements too, or both; in a loss one segment in five; on a slow link what is above 200
KB/s. A relay before the ports of consoles and movers makes the delay of 150 ms each way, and elsewhere all of these:
then a cut keeps bytes back, and of a loss one piece of 64 KB in five waits 0.2 to 0.6 s, as for a retransmission. A
full disk is a limit on the size of files (RLIMIT_FSIZE) of the console's processes, so that no commit and no log
line can be written. A clock that is off is a shift of what the console reads as time of day. *Power loss* kills
every process of a side with its hypervisor. Where root, loop devices and mkfs.ext4 are, each database is on a file
system of its own, which is shut down at that moment without a flush: the side goes on with the database as it was
synced last. Elsewhere, and for what is outside of the database (owner words, what the hypervisor records, both
synced before they are built upon), what the operating system had not written yet is not lost. Messages are sent
twice, or kept by the receiver until the sender has given up and sent another one.

The column *met* is what the fault met, where that can be seen: dropped packets or held-up pieces, messages sent twice
or kept, processes that hold the move or have a lease of it, hypervisors that know the partition, the console on which
the partition could be shut down. *Nothing* is a cell whose fault had nothing to disturb, *none at work* one whose
processes had no part in the move at that moment; "-" is a cell where it can't be seen, or was not yet recorded.

Not in it: disks that lose what they were told to sync, consoles on PostgreSQL (`./ivm test --postgres` has faults
on these), partitions that are not running, and two faults at a time.
"""
OF_GUESTS = f"""# The fault matrix on real guests

Made by `python -m tests.matrix report --qemu` from the results of `./ivm test --matrix --qemu`; not written by hand.

The cells of the [fault matrix](fault-matrix.md), their judge and the way in which faults are made, in a lab whose
partitions are Linux guests of QEMU: uli13lp1 ({MEMORY_MB[QEMU]} MB) writes to its memory all the time, and appends
a record a second to its first LUN. What is different:

- A partition's memory is in a QEMU process, which the hypervisor process has started and finds again. So a partition
  may be off after a cell only where its *QEMU* was killed or it was shut down from inside. After the death of a
  hypervisor process alone it has to run.
- Faults of this kind only: the source's or the destination's QEMU is killed (SIGKILL) or frozen (SIGSTOP). A loss of
  power kills the QEMU of that side as well.
- **I3** QEMU hashes no pages. Compared are the sums that the movers keep of the state stream, where both are known.
  Besides, the guest checks each page of its memory as a whole before it writes to it again, and counts what is not
  as it had left it: it has to have found nothing.
- Between passes QEMU goes on by itself, so at *later pass* it is the mover alone that is held. A guest that writes
  nothing for a moment is suspended by QEMU without an order.
- *Suspended* is held by the source's hypervisor, before the last of the state is sent (`hold_switchover`).
- *Partition shut down from inside* is `poweroff -f`, typed at the partition's console.
"""
INTRODUCTIONS = {SIMULATED: OF_SIMULATED, QEMU: OF_GUESTS}


def write(kind: str = SIMULATED) -> int:
    known, cells, document = results.newest(results.FILES[kind]), all_cells(kind), DOCUMENTS[kind]
    lines = [INTRODUCTIONS[kind], *summary(known, kind), *phases(), *rows(known, cells)]
    document.write_text("\n".join(lines) + "\n")
    print(f"{document.relative_to(ROOT)}: {len(played(known, cells))} of {len(cells)} cells have been played.")
    return 0


def played(known: dict[str, dict], cells: list[Cell]) -> list[dict]:
    return [known[cell.name] for cell in cells if cell.name in known]


def summary(known: dict[str, dict], kind: str) -> Iterator[str]:
    cells = all_cells(kind)
    done = played(known, cells)
    ends = Counter("moved" if one["destination"] == "closed, moved" else "stayed" for one in done if one["ok"])
    pressed = sum(one["recover"] for one in done)
    slowest = max((one["safe_after_s"] for one in done), default=0)
    failed = [one for one in done if not one["ok"]]
    yield "## In short\n"
    yield f"{len(PHASES)} phases and {len(faults_of(kind))} faults make {len(cells)} cells."
    yield f"Left out are {', '.join(f'{count} ({reason})' for reason, count in reasons(kind).items())}."
    yield f"{len(done)} have been played."
    yield from codes(done, kind)
    yield f"In {ends['moved']} the partition moved, in {ends['stayed']} it stayed; {len(failed)} did not hold."
    yield from meetings(done)
    yield f"Recover was pressed in {pressed}; the longest time from a fault's end to the end was {slowest:g} s.\n"


def codes(done: list[dict], kind: str = SIMULATED) -> Iterator[str]:
    """What the document vouches for: whose results are of the product as it is here."""
    code, product = results.code_of(kind), results.product_digest()
    same = [one for one in done if one["code"] == code]
    tests_differ = [one for one in done if one["code"] != code and one.get("product") == product]
    others = Counter(one["code"] for one in done if one["code"] != code and one.get("product") != product)
    yield f"The product has the digest `{product}` here, and with tools and matrix `{code}`:"
    yield f"{len(same)} were played with just this code,"
    yield f"{len(tests_differ)} with this product and other tests or tools,"
    yield f"{others.total()} with another product, or with one of which no digest was kept"
    yield f"({', '.join(f'`{one}`: {count}' for one, count in others.most_common())})." if others else "(none)."


def meetings(done: list[dict]) -> Iterator[str]:
    """In how many cells the fault had anything to disturb."""
    seen = [one["met"] for one in done if one.get("met")]
    nothing, idle = seen.count(NOTHING), sum(met.startswith(IDLE) for met in seen)
    yield f"Whether the fault met anything was seen in {len(seen)}:"
    yield f"in {len(seen) - nothing - idle} it met what is in the column *met*,"
    yield f"in {idle} processes of which none was at work on the move, in {nothing} nothing."
    power = [one.get("met", "") for one in done if one["fault"].startswith("power loss")]
    real = sum("not synced" in met for met in power)
    yield f"Of {len(power)} losses of power {real} took what the database had not synced;"
    yield "the others killed processes only, or did not record it."
    network = Counter(one.get("network") for one in done)
    yield f"Of those of the network {network['packets']} drop packets, {network['pieces']} have the relay alone."


def phases() -> Iterator[str]:
    yield "## Phases\n"
    yield "| phase | the move is held | in the process |"
    yield "|---|---|---|"
    for phase in PHASES:
        yield f"| {phase.name} | at *{phase.point}* | {phase.holder} |"


def rows(known: dict[str, dict], cells: list[Cell]) -> Iterator[str]:
    for phase in PHASES:
        yield f"\n## {phase.name.capitalize()}\n"
        yield "| fault | met | source | destination | it runs on | safe after | Recover |"
        yield "|---|---|---|---|---|---|---|"
        for cell in cells:
            if cell.phase is phase:
                yield row(cell.fault.name, known.get(cell.name))


def row(fault: str, result: dict | None) -> str:
    if result is None:
        return f"| {fault} | not played yet | | | | | |"
    broken = f" **{'; '.join(result['found'])}**" if result["found"] else ""
    pressed = "pressed" if result["recover"] else "-"
    cells = (fault + broken, result.get("met") or "-", result["source"], result["destination"], result["runs_on"])
    return f"| {' | '.join(cells)} | {result['safe_after_s']:g} s | {pressed} |"
