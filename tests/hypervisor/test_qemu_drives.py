"""Optical drives of a real guest: what it reads there, what is changed while it runs, and booting from a medium."""

from dataclasses import replace

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import BootFrom, DriveReference, Fence, RunState, ShutdownKind
from tests.hypervisor.conftest import LPAR, OPERATOR, Move, Vt
from tests.hypervisor.iso import LABEL_AT, make_iso

pytestmark = pytest.mark.qemu


@pytest.fixture
def kind():
    return "qemu"


@pytest.fixture
def media(folder):
    for label in ("FIRST", "SECOND"):
        make_iso(folder / f"{label}.iso", label, f'." BOOTED FROM {label}" cr')
    return {label: str(folder / f"{label}.iso") for label in ("FIRST", "SECOND")}


def with_medium(definition, path, **values):
    return replace(definition, drives=(DriveReference(2, 5, path),), **values)


class Shell:
    """The guest's own, at its console."""

    def __init__(self, console):
        self.vt = Vt(console)
        self.vt.type(b"\n")
        self.vt.see("login: ")
        self.vt.type(b"root\n")
        self.vt.see("# ")

    def says(self, line):
        self.vt.type(f"{line}; echo 'E''ND'\n".encode())
        self.vt.see("\n")
        return self.vt.see("END")

    def label(self):
        return self.says(f"dd if=/dev/sr0 bs=1 skip={LABEL_AT} count=6 2>&1")


def test_the_guest_reads_the_medium_that_is_loaded_now(uli13, define, media):
    definition = with_medium(define(), media["FIRST"])
    uli13.boot(definition)
    shell = Shell(uli13)
    assert "FIRST" in shell.label()
    uli13.change_drives(with_medium(definition, media["SECOND"]), OPERATOR, force=False)
    assert "SECOND" in shell.label()
    uli13.change_drives(with_medium(definition, ""), OPERATOR, force=False)
    assert "SECOND" not in shell.label()
    # One that the guest keeps closed
    uli13.change_drives(with_medium(definition, media["FIRST"]), OPERATOR, force=False)
    shell.says("exec 3</dev/sr0")
    with pytest.raises(HypervisorError, match=r"9734.*slot 2, target 5"):
        uli13.change_drives(with_medium(definition, ""), OPERATOR, force=False)
    uli13.change_drives(with_medium(definition, ""), OPERATOR, force=True)
    assert "FIRST" not in shell.label()
    with pytest.raises(HypervisorError, match=r"9406.*spapr-vscsi"):
        uli13.change_drives(replace(definition, drives=()), OPERATOR, force=False)


def test_a_partition_boots_from_the_medium_when_it_is_told_to(uli13, define, media):
    definition = with_medium(define(), media["FIRST"], boot_from=BootFrom.OPTICAL)
    uli13.create(definition, OPERATOR)
    terminal = Vt(uli13)
    uli13.activate(LPAR, OPERATOR)
    terminal.see("BOOTED FROM FIRST")
    # It was no system: the firmware is at its prompt, and takes another medium there.
    uli13.wait_for(RunState.OPEN_FIRMWARE)
    assert uli13.describe(LPAR).reference_code == "AA00E158"
    uli13.change_drives(with_medium(definition, media["SECOND"]), OPERATOR, force=False)
    terminal.type(b"boot\r")
    terminal.see("BOOTED FROM SECOND")
    uli13.wait_for(RunState.OPEN_FIRMWARE)
    uli13.shut_down(LPAR, ShutdownKind.DELAYED, OPERATOR)
    uli13.wait_for(RunState.NOT_ACTIVATED)


def test_without_a_medium_it_is_not_started(uli13, define):
    uli13.create(with_medium(define(), "", boot_from=BootFrom.OPTICAL), OPERATOR)
    with pytest.raises(HypervisorError, match=r"9735.*no optical drive of the partition has a medium"):
        uli13.activate(LPAR, OPERATOR)
    assert uli13.run_state() is RunState.NOT_ACTIVATED


def test_a_guest_moves_with_its_medium_and_reads_on(uli13, uli14, define, media):
    definition = with_medium(define(), media["FIRST"], workload_set_mb=8)
    uli13.boot(definition)
    shell = Shell(uli13)
    shell.says("exec 3</dev/sr0")
    move = Move(uli13, uli14, definition)
    move.finish()
    move.hand_over()
    vt = Vt(uli14)
    vt.type(f"dd if=/dev/sr0 bs=1 skip={LABEL_AT} count=6 2>&1\n".encode())
    vt.see("FIRST")
    with pytest.raises(HypervisorError, match="9734"):  # it is as locked as it was
        uli14.change_drives(with_medium(definition, ""), Fence(2), force=False)
