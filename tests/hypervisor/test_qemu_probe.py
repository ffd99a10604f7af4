"""KVM is probed by booting a guest: what is a sign, from a program that the test plays and from the lab's kernel."""

import sys
from dataclasses import replace

import pytest

from ivmweb.hypervisor.qemu import probe, process
from ivmweb.hypervisor.qemu.command_line import Model
from ivmweb.hypervisor.qemu.machine import QemuMachine, QemuOptions
from ivmweb.hypervisor.qemu.probe import NoSign
from ivmweb.hypervisor.qemu.record import Run, RunFile
from ivmweb.hypervisor.vmc.serve import Unusable
from tests.hypervisor.conftest import ULI13

PANIC = 'echo "[ 0.6] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"'
NOTHING_TO_BOOT = "echo; echo 'E3405: No such device'"
KERNEL = "/boot/vmlinux"


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    monkeypatch.setattr(probe, "WAIT_S", 5.0)


@pytest.fixture
def machine(folder):
    """A hypervisor whose QEMU does this when it is started, and writes down how it was."""

    def make(then, accelerator="kvm", probe_kernel="", **model):
        program = folder / "qemu-fake"
        version = (
            f'[ "$1" = --version ] && echo "QEMU emulator version 10.0.2" && exit 0\necho "$@" >> {folder}/calls'
        )
        program.write_text(f"#!/bin/sh\n{version}\n{then}\n")
        program.chmod(0o755)
        made = Model(program=str(program), accelerator=accelerator, **model)
        return QemuMachine(
            QemuOptions(ULI13, folder / "state", model=made, probe_kernel=probe_kernel, run_dir=folder)
        )

    return make


@pytest.fixture
def calls(folder):
    return lambda: (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []


def used(made):
    """In its version text, and where a program reads it."""
    capacity = made.describe_system().capacity
    assert f" {capacity.guests.accelerator} " in capacity.version
    return capacity.guests.accelerator


@pytest.mark.parametrize(
    "sign",
    [
        PANIC,
        'echo "[ 0.5] Run /init as init process"',
        'echo "Kernel panic - not syncing: No working init found."',
        'printf "uli13lp1 login: "',
    ],
)
def test_a_kernel_that_comes_to_the_end_of_its_start_is_a_sign(machine, calls, sign):
    assert used(machine(f"{sign}; exec sleep 600", kernel=KERNEL)) == "kvm"
    [call] = calls()
    assert "-machine pseries-10.0,accel=kvm,x-vof=on " in call
    assert f"-kernel {KERNEL} -append console=hvc0 panic=-1" in call
    assert "-incoming" not in call
    assert "drive" not in call


def test_firmware_that_looks_for_something_to_boot_is_one_where_there_is_no_kernel(machine, calls):
    assert used(machine(NOTHING_TO_BOOT)) == "kvm"
    assert "-kernel" not in calls()[0]


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ("exec sleep 600", "was not up within 0.5 s, and showed last: nothing"),
        (
            "echo '[ 0.0] Linux version 6.1'; exec sleep 600",
            r"within 0.5 s, and showed last: \[ 0.0\] Linux version 6.1",
        ),
        ("while :; do echo 'Linux version 6.1 and much more'; done", "within 0.5 s"),
        ("echo 'failed to initialize kvm: Permission denied' >&2; exit 1", "ended .* said last: failed to .* denied"),
        ("printf '\\377\\000emulation failure'; kill -9 $$", "ended before the guest was up, .*emulation failure"),
        (NOTHING_TO_BOOT, "ended before"),  # of a firmware, and a kernel was to boot
    ],
)
def test_without_a_sign_the_hypervisor_does_not_start_and_says_what_was_seen(
    machine, folder, monkeypatch, then, reason
):
    monkeypatch.setattr(probe, "WAIT_S", 0.5)
    with pytest.raises(Unusable, match=f"KVM runs no guest here: .*{reason}"):
        machine(then, kernel=KERNEL)
    assert process.find(str(folder / "qemu-fake")) == [], "no guest is left"


def test_a_program_that_does_not_run_is_no_sign(tmp_path):
    with pytest.raises(NoSign, match="qemu does not run: No such file"):
        probe.boot(Model(program=str(tmp_path / "qemu")))


def test_an_emulated_processor_needs_no_probe(machine, calls):
    assert used(machine("exit 1", accelerator="tcg")) == "tcg"
    assert calls() == []


@pytest.mark.parametrize(("then", "accelerator"), [(f"{PANIC}; exec sleep 600", "kvm"), ("exit 1", "tcg")])
def test_auto_takes_what_runs_guests_and_says_which(machine, then, accelerator):
    assert used(machine(then, accelerator="auto", kernel=KERNEL)) == accelerator


@pytest.mark.parametrize("accelerator", ["kvm", "auto"])
def test_another_machine_has_no_firmware_that_shows_a_sign_so_it_needs_a_kernel(machine, calls, accelerator):
    q35 = {"machine": "pc-q35-10.0", "processor": "host"}
    with pytest.raises(Unusable, match=r"no kernel for pc-q35-10\.0: give --probe-kernel"):
        machine(PANIC, accelerator, **q35)
    assert calls() == []
    assert used(machine(PANIC, accelerator, probe_kernel="/boot/vmlinuz", **q35)) == "kvm"
    assert "-kernel /boot/vmlinuz -append console=ttyS0 panic=-1" in calls()[0]


def test_the_kernel_of_the_probe_is_no_partitions_kernel(machine):
    assert machine(PANIC, probe_kernel=KERNEL).describe_system().capacity.guests.kernel == ""


# Guests that run


@pytest.fixture
def running(folder, define):
    """A guest of that accelerator that an earlier hypervisor process has started."""
    started = []

    def make(accelerator, lpar_id=2):
        sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
        started.append(process.start(sleeper, folder / "log"))
        run = Run(define(lpar_id, luns=0), started[-1], accelerator=accelerator)
        RunFile(folder / "state" / "guests" / str(lpar_id)).write(run)
        return started[-1]

    yield make
    for one in started:
        process.kill(one)
        assert process.wait_for_end(one, 10)


@pytest.mark.parametrize("accelerator", ["kvm", "tcg"])
def test_auto_stays_with_what_the_guests_that_run_have(machine, calls, running, accelerator):
    running(accelerator)
    works = f"{PANIC}; exec sleep 600"
    assert used(machine("exit 1" if accelerator == "kvm" else works, "auto", kernel=KERNEL)) == accelerator
    assert calls() == []


def test_guests_that_run_by_kvm_are_a_sign_of_it(machine, calls, running):
    running("kvm")
    assert used(machine("exit 1", "kvm", kernel=KERNEL)) == "kvm"
    assert calls() == []


def test_a_guest_that_has_ended_is_none(machine, running):
    process.kill(guest := running("kvm"))
    assert process.wait_for_end(guest, 10)
    assert used(machine("exit 1", "auto", kernel=KERNEL)) == "tcg"


def test_guests_of_both_kinds_decide_nothing(machine, running):
    running("kvm")
    running("tcg", 3)
    assert used(machine("exit 1", "auto", kernel=KERNEL)) == "tcg"


def test_kvm_is_probed_though_emulated_guests_run(machine, running):
    running("tcg")
    with pytest.raises(Unusable, match="KVM runs no guest here"):
        machine("exit 1", "kvm", kernel=KERNEL)


def test_a_damaged_record_is_named_and_not_guessed(machine, folder):
    RunFile(folder / "state" / "guests" / "2").path.write_text("{")
    with pytest.raises(Unusable, match=r"run\.json can't be used"):
        machine(PANIC, "auto", kernel=KERNEL)


# A real kernel


@pytest.mark.qemu
def test_the_labs_kernel_shows_a_sign_and_another_file_does_not(model, monkeypatch):
    monkeypatch.setattr(probe, "WAIT_S", 60.0)
    probe.boot(replace(model, initrd=""))
    with pytest.raises(NoSign):
        probe.boot(replace(model, kernel=__file__, initrd=""))
