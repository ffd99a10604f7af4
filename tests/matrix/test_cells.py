"""The table itself, what is kept of it, and what is made of it; no lab."""

import json
from collections import Counter

import pytest

from tests.matrix import faults, report, results
from tests.matrix.__main__ import wanted
from tests.matrix.cells import FAULTS, KINDS, PHASES, QEMU, SIMULATED, all_cells, faults_of, left_out, reasons, spread
from tests.matrix.points import all_points
from tests.matrix.relay import WAYS
from tools.console import SERVERS, Console

CELLS = all_cells()


@pytest.mark.parametrize("kind", KINDS)
def test_every_phase_meets_every_fault_but_for_those_that_are_left_out_with_a_reason(kind):
    cells = all_cells(kind)
    assert len(cells) >= 240
    assert Counter(cell.name for cell in cells).most_common(1)[0][1] == 1
    assert len(cells) + reasons(kind).total() == len(PHASES) * len(faults_of(kind))


def test_a_destination_that_has_no_qemu_yet_cannot_lose_it():
    faults = [fault for fault in FAULTS if "destination QEMU" in fault.name]
    without = {(phase.name, fault.action) for phase in PHASES for fault in faults if left_out(phase, fault)}
    assert without == {(phase, action) for phase in ("begun", "preparing") for action in ("kill", "freeze")}


def test_only_a_lab_of_real_guests_has_their_processes_and_a_loss_of_power_takes_them():
    def names(kind):
        return {cell.name for cell in all_cells(kind)}

    assert not any("QEMU" in name for name in names(SIMULATED))
    assert names(SIMULATED) < names(QEMU)
    lost = {cell.name: cell.fault for cell in all_cells(QEMU)}["begun / power loss of destination"]
    assert {"uli14/hypervisor", "uli14/qemu"} <= set(lost.targets)
    assert "uli13/qemu" not in lost.targets


def test_a_guest_may_be_off_only_where_its_own_process_died():
    off = {cell.fault.name: cell.fault.may_be_off_on for cell in all_cells(QEMU) if cell.fault.may_be_off_on}
    assert off == {
        "kill source QEMU": {"uli13"},
        "kill destination QEMU": {"uli14"},
        "power loss of source": {"uli13"},
        "power loss of destination": {"uli14"},
        "partition shut down from inside": {"uli13", "uli14"},
    }


def test_every_phase_is_a_fault_point_of_the_code_and_is_held_by_a_process_of_the_lab(tmp_path):
    consoles = [Console(server, tmp_path, tmp_path, 0, {}) for server in SERVERS]
    processes = {spec.name for console in consoles for spec in [*console.services(), *console.applications()]}
    points = all_points()
    for phase in PHASES:
        assert phase.point in points
        assert phase.holder in processes
    for fault in FAULTS:
        assert fault.action in faults.ACTIONS
        assert set(fault.targets) <= processes | {"uli13", "uli14", "uli13/qemu", "uli14/qemu"}
        assert fault.action != "disturb" or fault.way in WAYS
        assert set(fault.only) <= {phase.name for phase in PHASES}


def test_the_spread_has_each_action_once_at_least():
    actions = {cell.fault.action for cell in spread()}
    assert actions >= {"kill", "freeze", "disturb", "fill_disk", "arm_messages"}


def test_the_spread_of_real_guests_kills_each_process_whose_death_matters_in_several_phases():
    killed = {target for cell in spread(QEMU) for target in cell.fault.targets if cell.fault.action == "kill"}
    assert killed >= {"uli13/qemu", "uli14/qemu", "uli13/hypervisor", "uli14/hypervisor"}
    assert killed >= {"uli13/mover-out", "uli14/mover-in", "uli13/web", "uli14/web"}
    assert len({cell.phase.name for cell in spread(QEMU)}) >= 7


def test_a_change_of_the_product_or_of_the_judge_makes_old_results_old(monkeypatch, tmp_path):
    for name in (*results.PLAYED, "report"):
        (tmp_path / "tests" / "matrix").mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / "matrix" / f"{name}.py").write_text("old")
    (tmp_path / "migration").mkdir()
    monkeypatch.setattr(results, "ROOT", tmp_path)
    digests = [results.code_digest()]
    for path in ("tests/matrix/report.py", "tests/matrix/judge.py", "migration/states.py"):
        (tmp_path / path).write_text("new")
        digests.append(results.code_digest())
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_the_same_seed_chooses_the_same_cells(monkeypatch):
    monkeypatch.setattr(results, "newest", dict)
    some = wanted(20, 7, "")
    assert [cell.name for cell in some] == [cell.name for cell in wanted(20, 7, "")]
    assert len(some) == 20
    assert [cell.name for cell in some] != [cell.name for cell in wanted(20, 8, "")]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "results.jsonl"


def result(cell, **fields):
    usual = {"ok": True, "code": "new", "source": "closed, moved", "destination": "closed, moved", "found": []}
    usual["fault"] = cell.fault.name
    return {"cell": cell.name, "runs_on": "uli14", "safe_after_s": 0.5, "recover": False, **usual, **fields}


def test_what_this_code_has_passed_is_not_played_again(file):
    for cell, fields in zip(CELLS, [{}, {"ok": False}, {"code": "old"}], strict=False):
        results.append(result(cell, **fields), file)
    assert results.to_do(CELLS[:4], "new", file) == CELLS[1:4]


def test_the_newest_result_of_a_cell_counts_and_half_a_line_does_not(file):
    results.append(result(CELLS[0], ok=False), file)
    results.append(result(CELLS[0]), file)
    with file.open("a") as lines:
        lines.write(json.dumps(result(CELLS[1]))[:40])
    assert list(results.newest(file).values()) == [result(CELLS[0])]


def test_the_document_has_a_row_a_cell(monkeypatch, tmp_path):
    broken = result(CELLS[1], ok=False, found=["I1: it ran on both systems at once"], recover=True)
    known = {CELLS[0].name: result(CELLS[0]), CELLS[1].name: broken}
    monkeypatch.setattr(results, "newest", lambda file: known if file == results.FILES[SIMULATED] else {})
    monkeypatch.setitem(report.DOCUMENTS, SIMULATED, report.ROOT / tmp_path / "matrix.md")
    monkeypatch.setattr(report, "ROOT", tmp_path)
    assert report.write() == 0
    text = (tmp_path / "matrix.md").read_text()
    in_short = text.replace("\n", " ")
    assert f"make {len(CELLS)} cells. Left out are 11 (destination full: " in in_short
    assert " 2 have been played." in in_short
    assert f"| {CELLS[0].fault.name} | - | closed, moved | closed, moved | uli14 | 0.5 s | - |" in text
    assert f"| {CELLS[1].fault.name} **I1: it ran on both systems at once** |" in text
    assert text.count("not played yet") == len(CELLS) - 2


def test_results_of_real_guests_are_kept_apart_and_have_a_document_of_their_own(monkeypatch, tmp_path):
    cells = all_cells(QEMU)
    files = {kind: tmp_path / f"{kind}.jsonl" for kind in KINDS}
    results.append(result(cells[0]), files[QEMU])
    monkeypatch.setattr(results, "FILES", files)
    monkeypatch.setattr(report, "DOCUMENTS", {kind: report.ROOT / tmp_path / f"{kind}.md" for kind in KINDS})
    monkeypatch.setattr(report, "ROOT", tmp_path)
    for kind in KINDS:
        assert report.write(kind) == 0
    unplayed = {kind: (tmp_path / f"{kind}.md").read_text().count("not played yet") for kind in KINDS}
    assert unplayed == {SIMULATED: len(CELLS), QEMU: len(cells) - 1}


def text_of(lines):
    return " ".join(lines)


def test_the_document_says_with_which_code_its_cells_were_played(monkeypatch):
    monkeypatch.setattr(results, "code_digest", lambda: "new")
    monkeypatch.setattr(results, "product_digest", lambda: "product")
    same = result(CELLS[0], product="product")
    tests_differ = result(CELLS[1], code="earlier", product="product")
    others = [result(CELLS[2], code="old", product="other"), result(CELLS[3], code="older")]
    text = text_of(report.codes([same, tests_differ, *others]))
    assert "1 were played with just this code, 1 with this product and other tests or tools" in text
    assert "2 with another product, or with one of which no digest was kept (`old`: 1, `older`: 1)." in text


def test_the_document_counts_the_faults_that_met_nothing():
    met = ["12 packets", faults.NOTHING, "uli13/control", faults.IDLE, f"{faults.IDLE}; processes only"]
    text = text_of(report.meetings([result(cell, met=one, fault="") for cell, one in zip(CELLS, met, strict=False)]))
    assert "seen in 5: in 2 it met what" in text
    assert "in 2 processes of which none was at work on the move, in 1 nothing." in text


def test_the_document_tells_real_losses_of_power_from_killed_processes():
    met = ["uli13/control; what the database had not synced", "uli13/control; processes only", ""]
    done = [result(CELLS[0], met=one, fault="power loss of source") for one in met]
    assert "Of 3 losses of power 1 took what the database had not synced;" in text_of(report.meetings(done))


def test_the_digest_of_the_product_is_of_the_product_alone(monkeypatch, tmp_path):
    for path in ("migration/states.py", "tools/lab.py"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text("old")
    monkeypatch.setattr(results, "ROOT", tmp_path)
    digests = [results.product_digest()]
    for path in ("tools/lab.py", "migration/states.py"):
        (tmp_path / path).write_text("new")
        digests.append(results.product_digest())
    assert digests[0] == digests[1]
    assert digests[1] != digests[2]
