"""Disks of a real guest: where it sees them, and what changes while it runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import block_io, lun
from ivmweb.hypervisor.base import LunReference, OwnerWord, RunState
from ivmweb.hypervisor.lun_making import make_identity
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


def test_a_guest_on_a_block_device_moves_to_where_it_has_another_name(folder, define, uli13, uli14, loop):
    whole = define(luns=0)
    identity = make_identity(loop, "a device", force=False)
    (folder / "by-id").symlink_to(loop)
    here = replace(whole, luns=(LunReference("a device", str(loop)),))
    there = replace(whole, luns=(LunReference("a device", str(folder / "by-id")),))
    uli13.boot(here)
    eventually(lambda: uli13.describe(LPAR).last_record)
    with pytest.raises(HypervisorError, match=r"9725.*QEMU"):
        make_identity(loop, "another", force=True)
    move = Move(uli13, uli14, here, arriving=there)
    move.finish()
    move.hand_over()
    assert uli14.run_state() is RunState.RUNNING
    came_with = uli14.describe(LPAR).last_record or 0
    eventually(lambda: (uli14.describe(LPAR).last_record or 0) > came_with)
    assert (lun.read_identity(loop), lun.read_word(loop).system) == (identity, "7998-60X*100E7DA")
    with block_io.opened(loop) as descriptor:  # past the page cache, as another server would
        assert any(block_io.read_at(descriptor, 0)), "the guest's records are on the device"
