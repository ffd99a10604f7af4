"""Virtual disks: image files that the hypervisor makes and removes; each is a LUN with an owner word."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import LunReference, OwnerWord, RunState, ShutdownKind
from ivmweb.hypervisor.vmc import volumes
from tests.hypervisor.conftest import MB, OPERATOR, ULI13, both_kinds


def test_a_virtual_disk_is_a_sparse_free_lun_that_nobody_else_reads(uli13):
    path = Path(uli13.create_volume("lp1vd1", "c0ffee", 64))
    status = path.stat()
    assert (status.st_size, path.parent.stat().st_mode & 0o777) == (64 * MB + lun.BLOCK_BYTES, 0o700)
    assert status.st_blocks * 512 < MB
    assert lun.read_identity(path) == lun.LunIdentity("c0ffee", 64 * MB)
    assert lun.read_word(path) == OwnerWord()


def test_made_twice_it_is_the_same_and_removed_twice_it_is_gone(uli13):
    path = uli13.create_volume("lp1vd1", "c0ffee", 64)
    assert uli13.create_volume("lp1vd1", "c0ffee", 64) == path
    uli13.remove_volume("c0ffee", path)
    uli13.remove_volume("c0ffee", path)
    assert list(Path(path).parent.iterdir()) == []


def test_two_disks_of_one_name_are_two_files(uli13):
    assert uli13.create_volume("lp1vd1", "c0ffee", 64) != uli13.create_volume("lp1vd1", "decaf", 64)


@pytest.mark.parametrize(("name", "unique_id"), [("../x", "c0ffee"), ("a/b", "c0ffee"), ("", "1"), ("a", "../1")])
def test_no_name_leads_out_of_the_folder(uli13, folder, name, unique_id):
    with pytest.raises(HypervisorError, match="9731"):
        uli13.create_volume(name, unique_id, 1)
    with pytest.raises(HypervisorError, match="9413"):
        uli13.remove_volume("decaf", str(folder / "somewhere.decaf"))


def test_what_other_disks_may_still_grow_by_is_not_given_out_again(tmp_path, monkeypatch):
    volumes.make(tmp_path, "first", "1", 600)
    space = os.statvfs(tmp_path)
    free = os.statvfs_result([*space[:4], 1000 * MB // space.f_frsize, *space[5:]])
    monkeypatch.setattr(os, "statvfs", lambda path: free)
    with pytest.raises(HypervisorError, match=r"9732.*needs 500 MB.*(399|400) MB"):
        volumes.make(tmp_path, "second", "2", 500)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("second")] == []
    volumes.make(tmp_path, "second", "2", 300)


@both_kinds
def test_a_partition_runs_with_a_virtual_disk_which_stays_while_it_has_it(uli13, define):
    path = uli13.create_volume("lp1vd1", "c0ffee", 64)
    plain = define()
    disk = LunReference("c0ffee", path, target=2)
    whole = replace(plain, luns=(*plain.luns, disk))
    uli13.boot(whole)
    assert lun.read_word(Path(path)) == OwnerWord(whole.uuid, ULI13)
    with pytest.raises(HypervisorError, match="9733"):
        uli13.remove_volume("c0ffee", path)
    uli13.shut_down(whole.lpar_id, ShutdownKind.IMMEDIATE, OPERATOR)
    uli13.wait_for(RunState.NOT_ACTIVATED)
    uli13.change_luns(plain, (disk,), OPERATOR)
    uli13.remove_volume("c0ffee", path)
    assert not Path(path).exists()
