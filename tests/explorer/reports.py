"""What one search found, as text; each may run in a process of its own."""

from tests.explorer.model import Model
from tests.explorer.mutations import MUTATIONS
from tests.explorer.runs import RUNS, described, short
from tests.explorer.search import explore
from tests.explorer.unguarded import search_without
from tests.explorer.words import told


def searched(job: tuple[str, int, bool]) -> tuple[str, int, bool]:
    name, index, is_short = job
    run = short(RUNS[name]) if is_short else RUNS[name]
    found = explore(Model(run.bounds[index]))
    result = "BROKEN" if found.broken else "holds"
    lines = [
        f"{name}: {run.summary}",
        f"  {described(run.bounds[index])}",
        f"  {found.worlds:,} worlds, {found.seconds:.1f} s: {result}",
    ]
    if found.broken:
        lines += [f"    {line}" for line in told(found.broken)]
    else:
        lines.append("  once faults end: " + ", ".join(f"{how} {n:,}" for how, n in sorted(found.ends.items())))
    return "\n".join(lines), found.worlds, bool(found.broken)


def mutated(name: str) -> tuple[str, str]:
    mutation = MUTATIONS[name]
    lines = [f"{name}: without the guard that {mutation.guard}"]
    absence = search_without(mutation)
    searched = f"{absence.worlds:,} worlds, {absence.seconds:.1f} s"
    if absence.alone:
        result = "found"
        lines.append(f"  found in {searched}")
    elif absence.together:
        result = "covered"
        lines.append(f"  nothing breaks in {searched}: covered by the guard that")
        lines.append(f"  {MUTATIONS[mutation.covered_by].guard}; without both:")
    else:
        result = "missed"
        lines.append(f"  nothing breaks in {searched}: NOT FOUND, AND NOT COVERED")
    if trace := absence.alone or absence.together:
        lines += [f"    {line}" for line in told(trace)]
    return "\n".join(lines), result
