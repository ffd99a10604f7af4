"""Whether KVM runs guests on this server: by booting one.

That /dev/kvm can be opened says nothing: there are machines where it can, where a firmware even runs, and where no
usual kernel gets through its start. So a guest without disks boots a kernel, and its serial console has to show that
the kernel has come to the end of its start: to a first process, or to the panic that there is none.
"""

import logging
import os
import re
import resource
import select
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ivmweb.hypervisor.qemu.command_line import CONSOLE_REG, Model, machine_argument
from ivmweb.hypervisor.qemu.process import is_alive
from ivmweb.hypervisor.qemu.record import RunFile
from ivmweb.hypervisor.vmc.serve import Unusable

logger = logging.getLogger(__name__)

AUTO, KVM, TCG = "auto", "kvm", "tcg"
WAIT_S = 60.0  # a kernel needs 1 to 3 s; beside others on a busy server some more
MEMORY_MB = 256
KEPT_BYTES = 4096  # of the console, in which a sign is sought
SHOWN = 200  # characters of its last line, in a reason
KERNEL_SIGN = re.compile(rb"as init process|Unable to mount root fs|No working init found|login:")
FIRMWARE_SIGN = re.compile(rb"E3404|E3405|E3407")  # SLOF has looked for something to boot, and there is nothing


class NoSign(Exception):
    """The guest did not come up; the text says what was seen instead."""


def settled(model: Model, probe_kernel: str, state_dir: Path) -> Model:
    """With the accelerator that its guests have. Raises Unusable where KVM is asked for and runs no guest.

    While guests run, `auto` stays with theirs: what is told of them must be true, and they could not be moved else.
    """
    if model.accelerator == TCG:
        return model
    used = accelerators_in_use(state_dir)
    if len(used) == 1 and model.accelerator in (AUTO, *used):
        return replace(model, accelerator=used.pop())
    kernel = probe_kernel or model.kernel
    if not kernel and not model.is_pseries:
        raise Unusable(
            f"--accelerator {model.accelerator} boots a guest to see whether KVM works, and there is no kernel for "
            f"{model.machine}: give --probe-kernel, any Linux kernel of this kind of machine"
        )
    try:
        boot(replace(model, accelerator=KVM, kernel=kernel))
    except NoSign as exc:
        if model.accelerator != AUTO:
            raise Unusable(
                f"--accelerator kvm, and KVM runs no guest here: {exc}. Mend that (is the processor's virtualization "
                "on, may this user open /dev/kvm, is the kernel's module loaded), or give --accelerator tcg"
            ) from exc
        logger.warning("KVM runs no guest here, so that processors are emulated (tcg): %s", exc)
        return replace(model, accelerator=TCG)
    logger.info("KVM runs guests here: one has booted")
    return replace(model, accelerator=KVM)


def accelerators_in_use(state_dir: Path) -> set[str]:
    """Of the guests that run now; raises Damaged."""
    runs = [run for folder in (state_dir / "guests").glob("*") if (run := RunFile(folder).read())]
    return {run.accelerator for run in runs if run.accelerator and run.process and is_alive(run.process)}


def boot(model: Model) -> None:
    """Raises NoSign. The guest has ended when this returns."""
    command = command_of(model)
    try:
        guest = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as exc:
        raise NoSign(f"{model.program} does not run: {exc.strerror or exc}") from exc
    with guest:
        try:
            # Should this process be killed meanwhile, a guest that spins does not do so for ever.
            with suppress(OSError):
                resource.prlimit(guest.pid, resource.RLIMIT_CPU, (int(2 * WAIT_S), int(2 * WAIT_S)))
            assert guest.stdout is not None  # noqa: S101 (a pipe)
            _await_sign(guest.stdout.fileno(), KERNEL_SIGN if model.kernel else FIRMWARE_SIGN)
        finally:
            guest.kill()


def command_of(model: Model) -> list[str]:
    console = f"spapr-vty,chardev=con,reg={CONSOLE_REG:#x}" if model.is_pseries else "isa-serial,chardev=con"
    words = f"console={'hvc0' if model.is_pseries else 'ttyS0'} panic=-1"
    machine = machine_argument(replace(model, preallocates=False), has_kernel=bool(model.kernel))
    return [
        model.program,
        *("-name", "probe", "-machine", machine, "-cpu", model.processor),
        *("-m", f"{MEMORY_MB}M", "-smp", "1", "-nodefaults", "-display", "none", "-no-user-config", "-no-reboot"),
        *("-chardev", "stdio,id=con", "-device", console),
        *(("-kernel", model.kernel, "-append", words) if model.kernel else ()),
    ]


def _await_sign(console: int, sign: re.Pattern[bytes]) -> None:
    deadline, shown = time.monotonic() + WAIT_S, b""
    while (left_s := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([console], [], [], left_s)
        data = os.read(console, KEPT_BYTES) if ready else b""
        if ready and not data:
            raise NoSign(f"it ended before the guest was up, and said last: {_last_line(shown)}")
        shown = (shown + data)[-2 * KEPT_BYTES :]
        if sign.search(shown):
            return
    raise NoSign(f"the guest was not up within {WAIT_S:g} s, and showed last: {_last_line(shown)}")


def _last_line(shown: bytes) -> str:
    lines = [line.strip() for line in shown.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:SHOWN] if lines else "nothing"
