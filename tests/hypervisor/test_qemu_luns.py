"""Disks of a real guest: where it sees them, and what changes while it runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import OwnerWord, RunState
from tests.hypervisor.conftest import LPAR, OPERATOR, ULI13, Move, eventually, serving_qemu

pytestmark = pytest.mark.qemu


@pytest.fixture
def kind():
    return "qemu"


def words(definition):
    return [lun.read_word(Path(reference.path)) for reference in definition.luns]


def test_disks_at_a_vio_adapter_do_not_change_while_it_runs(uli13, define):
    whole = define(luns=2)
    uli13.boot(replace(whole, luns=whole.luns[:1]))
    with pytest.raises(HypervisorError, match=r"9406.*spapr-vscsi"):
        uli13.change_luns(whole, (), OPERATOR)
    assert words(whole) == [OwnerWord(whole.uuid, ULI13), OwnerWord()]
    assert uli13.run_state() is RunState.RUNNING


def test_disks_at_a_virtio_adapter_come_and_go_and_the_guest_moves_with_them(folder, define, model):
    virtio = replace(model, disks="virtio-scsi")
    whole = define(luns=3)
    with (
        serving_qemu(folder / "uli13", ULI13, virtio) as uli13,
        serving_qemu(folder / "uli14", "7998-60X*100E7DA", virtio) as uli14,
    ):
        uli13.boot(replace(whole, luns=whole.luns[:1]))
        uli13.change_luns(whole, (), OPERATOR)
        assert words(whole) == [OwnerWord(whole.uuid, ULI13)] * 3
        kept = replace(whole, luns=(whole.luns[0], replace(whole.luns[2], target=3)))
        uli13.change_luns(replace(whole, luns=whole.luns[:2]), whole.luns[2:], OPERATOR)
        uli13.change_luns(kept, whole.luns[1:2], OPERATOR)
        assert words(whole) == [OwnerWord(whole.uuid, ULI13), OwnerWord(), OwnerWord(whole.uuid, ULI13)]
        move = Move(uli13, uli14, kept)
        move.finish()
        move.hand_over()
        eventually(lambda: uli14.describe(LPAR).heartbeat)
        assert uli14.run_state() is RunState.RUNNING
