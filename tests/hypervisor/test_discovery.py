"""Where LUNs are: found by their identity, whatever they are called; copies and strays are told, never used."""

import os
import shutil
import stat
import struct
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import Definition, Fence, LunReference, OwnerWord, RunState
from ivmweb.hypervisor.lun_making import make_identity
from ivmweb.hypervisor.vmc import discovery
from ivmweb.hypervisor.vmc.discovery import Discovery, Places
from tests.hypervisor.conftest import FENCE, LPAR, MB, OPERATOR, ULI13, Move, serving

UUID = "a5f1c3de-1111-4222-8333-444455556666"


@pytest.fixture
def luns(san):
    return Discovery(Places((san,)))


def make(san, name, unique_id=None):
    lun.create_lun(san / name, unique_id or f"id-{name}", MB)
    return san / name


def listed(discovery):
    return {Path(one.path).name: one for one in discovery.listing("").luns}


def reference(path):
    return LunReference(lun.read_identity(path).unique_id, str(path))


def test_a_folder_lists_its_luns_with_identity_size_and_owner(san, luns):
    word = OwnerWord(UUID, ULI13)
    lun.change_word(make(san, "disk1"), OwnerWord(), word)
    make(san, "disk2")
    found = listed(luns)
    assert list(found) == ["disk1", "disk2"]
    assert (found["disk1"].unique_id, found["disk1"].size_bytes, found["disk1"].owner) == ("id-disk1", MB, word)
    assert found["disk2"].owner.is_free


def test_what_is_no_lun_is_told_and_left_alone(san, luns):
    (san / "image.iso").write_bytes(b"x" * 2 * MB)
    (san / ".hidden").write_bytes(b"")
    (san / "folder").mkdir()
    os.mkfifo(san / "pipe")
    found = listed(luns)
    assert list(found) == ["image.iso"]
    assert (found["image.iso"].unique_id, "manage.py init_lun" in found["image.iso"].error) == ("", True)
    assert sorted(os.listdir(san)) == [".hidden", "folder", "image.iso", "pipe"], "no lock files beside them"


def test_a_damaged_lun_is_told_with_its_path(san, luns):
    path = make(san, "disk1")
    data = bytearray(path.read_bytes())
    data[-4000] ^= 1
    path.write_bytes(data)
    assert "checksum" in listed(luns)["disk1"].error


def test_a_folder_that_is_not_there_does_not_hide_the_others(san, tmp_path):
    make(san, "disk1")
    found = Discovery(Places((tmp_path / "away", san))).listing("")
    assert ([one.unique_id for one in found.luns], len(found.errors)) == (["id-disk1"], 1)
    assert f"{tmp_path / 'away'}, where LUNs may be" in found.errors[0]


def test_a_device_that_is_not_there_is_told_and_a_pattern_may_match_nothing(tmp_path):
    places = Places(devices=(f"{tmp_path}/sdq", f"{tmp_path}/ivm-*"))
    errors = Discovery(places).listing("").errors
    assert [error.partition(",")[0] for error in errors] == [f"{tmp_path}/sdq"]


def test_a_pattern_finds_whole_devices_and_not_the_parts_of_a_guests_disk(loop, tmp_path):
    make_identity(loop, "a device", force=False)
    (tmp_path / "ivm-1").symlink_to(loop)
    make_part(loop, tmp_path / "ivm-1-part1")
    found = Discovery(Places(devices=(f"{tmp_path}/ivm-*",))).listing("")
    assert [(one.path, one.unique_id, one.is_device) for one in found.luns] == [
        (f"{tmp_path}/ivm-1", "a device", True)
    ]
    assert found.errors == ()


def make_part(loop, node):
    """A partition of 1 MiB on the device, as a guest would make it; skips where the kernel does not look for them."""
    with open(loop, "r+b") as disk:
        disk.seek(446)
        disk.write(struct.pack("<BBHBBHII", 0, 0, 0, 0x83, 0, 0, 2048, 2048) + bytes(48) + b"\x55\xaa")
    subprocess.run(["partx", "--add", "--nr", "1", loop], capture_output=True, check=False)
    known = Path("/sys/block", loop.name, f"{loop.name}p1", "dev")
    if not known.exists():
        pytest.skip("the kernel does not show the parts of a loop device")
    major, minor = map(int, known.read_text().split(":"))
    os.mknod(node, 0o600 | stat.S_IFBLK, os.makedev(major, minor))


def test_without_a_place_nothing_is_said_to_be_missing(tmp_path):
    found = Discovery(Places()).listing("")
    assert (found.has_places, found.luns) == (False, ())


def test_two_names_of_one_file_are_one_lun(san, luns):
    (san / "a-link").symlink_to(make(san, "disk1"))
    assert list(listed(luns)) == ["a-link"]
    luns.check_single([LunReference("id-disk1", str(san / "disk1"))])


def test_both_names_of_a_file_take_one_lock(san, tmp_path):
    path = make(san, "disk1")
    (tmp_path / "link").symlink_to(path)
    order = []
    with lun.locked(path):
        other = threading.Thread(
            target=lambda: (lun.change_word(tmp_path / "link", OwnerWord(), OwnerWord(UUID)), order.append("other"))
        )
        other.start()
        other.join(0.1)
        order.append("first")
    other.join(10)
    assert order == ["first", "other"]
    assert not Path(f"{tmp_path / 'link'}.lock").exists()


def test_of_a_copy_and_its_original_neither_is_used(san, luns):
    path = make(san, "disk1")
    shutil.copy(path, san / "disk1-backup")
    for used in (path, san / "disk1-backup"):
        with pytest.raises(HypervisorError, match=r"9720.*more than once: .*/disk1, .*/disk1-backup"):
            luns.check_single([reference(used)])


def test_a_copy_that_comes_by_overwriting_another_lun_is_seen(san, luns):
    first, second = make(san, "disk1"), make(san, "disk2")
    luns.check_single([reference(first)])  # from now on both are known
    second.write_bytes(first.read_bytes())
    with pytest.raises(HypervisorError, match=r"9720"):
        luns.check_single([reference(first)])


def test_a_copy_counts_where_the_original_is_known_by_its_path_alone(san, luns, tmp_path):
    path = make(tmp_path, "elsewhere")
    luns.check_single([reference(path)])
    shutil.copy(path, san / "copy")
    with pytest.raises(HypervisorError, match=r"9720"):
        luns.check_single([reference(path)])


def test_a_lun_that_has_moved_is_no_copy(san, luns):
    make(san, "disk1")
    luns.check_single([LunReference("id-disk1", str(san / "where it was"))])


def test_a_look_that_hangs_holds_nobody_else_up_for_long(san, luns, monkeypatch):
    make(san, "disk1")
    hangs, began = threading.Event(), threading.Event()

    def hang(*_):
        began.set()
        hangs.wait(30)
        return []

    monkeypatch.setattr(discovery, "PATIENCE_S", 0.05)
    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", hang)
        first = threading.Thread(target=lambda: luns.listing(""))
        first.start()
        began.wait(10)
        with pytest.raises(HypervisorError, match=r"9721"):
            luns.check_single([LunReference("id-disk1", str(san / "disk1"))])
        hangs.set()
        first.join(10)
    assert list(listed(luns)) == ["disk1"]


def test_a_long_list_comes_whole(finder, san, monkeypatch):
    monkeypatch.setattr(discovery, "PORTION", 3)
    for number in range(7):
        make(san, f"disk{number}")
    assert [one.unique_id for one in finder.list_luns().luns] == [f"id-disk{number}" for number in range(7)]


def definition(*paths):
    luns = tuple(reference(path) for path in paths)
    return Definition(LPAR, UUID, "uli13lp1", 16, 0.2, 1, luns)


def test_no_partition_starts_or_comes_on_one_of_two(finder, san):
    path = make(san, "disk1")
    shutil.copy(path, san / "copy")
    finder.create(definition(path), OPERATOR)
    with pytest.raises(HypervisorError, match=r"9720"):
        finder.activate(LPAR, OPERATOR)
    with pytest.raises(HypervisorError, match=r"9720"):
        finder.create_incoming(definition(path), FENCE)
    assert finder.run_state() is RunState.NOT_ACTIVATED
    assert [lun.read_word(one) for one in (path, san / "copy")] == [OwnerWord()] * 2
    (san / "copy").unlink()
    finder.boot(definition(path))


def test_one_that_runs_gets_no_copy_and_keeps_what_it_has(finder, san):
    first, second = make(san, "disk1"), make(san, "disk2")
    finder.boot(definition(first))
    shutil.copy(first, san / "copy-of-first")
    shutil.copy(second, san / "copy-of-second")
    finder.activate(LPAR, OPERATOR)
    with pytest.raises(HypervisorError, match=r"9720.*id-disk2"):
        finder.change_luns(definition(first, second), (), Fence(epoch=2))
    assert (finder.run_state(), lun.read_word(second)) == (RunState.RUNNING, OwnerWord())
    (san / "copy-of-second").unlink()
    finder.change_luns(definition(first, second), (), Fence(epoch=3))


def test_each_side_of_a_move_has_its_own_path(folder, define):
    """The other server sees the folder under another name."""
    own = define()
    (folder / "elsewhere").symlink_to(folder)
    (mine,) = own.luns
    theirs = replace(own, luns=(replace(mine, path=str(folder / "elsewhere" / Path(mine.path).name)),))
    with serving(folder / "uli13", ULI13) as uli13, serving(folder / "uli14", "7998-60X*100E7DA") as uli14:
        uli13.boot(own)
        move = Move(uli13, uli14, own, arriving=theirs)
        move.finish()
        move.hand_over()
        assert uli14.run_state() is RunState.RUNNING
    assert lun.read_word(Path(mine.path)).system == "7998-60X*100E7DA"


def test_two_thousand_luns_are_listed_and_looked_through_quickly(san, luns):
    for number in range(2000):
        with open(san / f"disk{number:04}", "wb") as file:  # as create_lun, without waiting for the disk
            file.seek(MB)
            file.write(lun.first_block(lun.LunIdentity(f"id{number}", MB)))
    began = time.monotonic()
    portions, after = 0, None
    while after != "":
        after = luns.listing(after or "").next
        portions += 1
    assert portions == 2000 / discovery.PORTION
    assert time.monotonic() - began < 5
    some = LunReference("id7", str(san / "disk0007"))
    luns.check_single([some])
    read = []
    with mock.patch.object(lun, "peek", side_effect=lambda path: read.append(path)):
        luns.check_single([some])
    assert read == [], "a file that nobody has written to is not read again"
