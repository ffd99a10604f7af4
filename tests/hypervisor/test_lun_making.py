"""An identity is written to what is new, never over what somebody uses or owns."""

import fcntl
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun, lun_making
from ivmweb.hypervisor.base import Definition, LunReference, OwnerWord
from ivmweb.hypervisor.lun import LunIdentity
from ivmweb.hypervisor.lun_making import make_identity
from ivmweb.hypervisor.vmc import owners
from ivmweb.hypervisor.vmc.discovery import Places
from tests.hypervisor.conftest import MB

OWNED = OwnerWord("a5f1c3de-1111-4222-8333-444455556666", "7998-61X*100390A")


def image(tmp_path, size=2 * MB):
    path = tmp_path / "image"
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def behind(loop):
    return Path(Path("/sys/block", loop.name, "loop/backing_file").read_text().strip())


def with_bytes(path, place, data):
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(data)
    return path


def refused(path, match, *, force=False):
    before = path.read_bytes()
    with pytest.raises(HypervisorError, match=match):
        make_identity(path, "new", force=force)
    assert path.read_bytes() == before


@pytest.mark.parametrize("size", [MB, 2 * MB, 2 * MB + 512, 5 * MB])
def test_an_empty_image_gets_an_identity_behind_its_end(tmp_path, size):
    path = image(tmp_path, size)
    made = make_identity(path, "new", force=False)
    assert made.size_bytes % 4096 == 0 <= made.size_bytes - size < 4096
    assert (lun.read_identity(path), lun.read_word(path)) == (made, OwnerWord())


@pytest.mark.parametrize(
    ("place", "data", "words"),
    [
        (510, b"\x55\xaa", "partition table"),
        (512, b"EFI PART", "GPT"),
        (1080, b"\x53\xef", "ext4"),
        (0, b"XFSB", "XFS"),
        (0, b"QFI\xfb", "qcow2.*not raw"),
        (65600, b"_BHRfS_M", "btrfs"),
        (32769, b"CD001", "CD or DVD"),
        (512, b"LABELONE", "LVM"),
        (MB - 1, b"\1", "data"),
        (5 * MB - 1, b"\1", "data"),
        (4 * MB, b"\1", "data"),
    ],
)
def test_what_holds_something_gets_one_only_by_force_and_keeps_it(tmp_path, place, data, words):
    path = with_bytes(image(tmp_path, 5 * MB), place, data)
    refused(path, f"9726.*{words}.*--force")
    before = path.read_bytes()
    make_identity(path, "new", force=True)
    assert path.read_bytes()[: len(before)] == before


def test_a_lun_keeps_its_identity_unless_forced(tmp_path):
    path = image(tmp_path)
    make_identity(path, "old", force=False)
    refused(path, "9726.*the identity old")
    make_identity(path, "new", force=True)
    assert lun.read_identity(path) == LunIdentity("new", 2 * MB), "over the old one, not behind it"


def test_a_damaged_identity_is_overwritten_only_by_force(tmp_path):
    path = image(tmp_path)
    make_identity(path, "old", force=False)
    with_bytes(path, 2 * MB + 100, b"\0")
    refused(path, "9726.*a damaged identity")
    make_identity(path, "new", force=True)
    assert lun.read_identity(path) == LunIdentity("new", 2 * MB)


def test_a_lun_that_is_owned_keeps_its_identity_whatever_is_forced(tmp_path):
    path = image(tmp_path)
    make_identity(path, "old", force=False)
    lun.change_word(path, OwnerWord(), OWNED)
    refused(path, "9727.*keeps its identity old.*7998-61X", force=True)


def test_a_copy_whose_identity_was_cut_off_becomes_a_lun_of_its_own(tmp_path):
    path = image(tmp_path)
    make_identity(path, "old", force=False)
    lun.change_word(path, OwnerWord(), OWNED)
    copy = Path(shutil.copy(path, tmp_path / "copy"))
    with open(copy, "r+b") as file:
        file.truncate(2 * MB)
    make_identity(copy, "new", force=False)
    assert [lun.read_identity(one).unique_id for one in (path, copy)] == ["old", "new"]


@pytest.mark.parametrize("size", [0, MB - 1])
def test_what_is_too_small_is_refused(tmp_path, size):
    refused(image(tmp_path, size), f"9724.*it has {size} bytes", force=True)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(HypervisorError, match=r"9724.*neither a file nor"):
        make_identity(tmp_path, "new", force=True)


def test_what_a_qemu_has_open_is_refused(tmp_path):
    """By the locks that QEMU takes."""
    path = image(tmp_path)
    with open(path, "rb") as qemu:
        lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 201, 1, 0)
        fcntl.fcntl(qemu, fcntl.F_OFD_SETLK, lock)
        refused(path, "9725.*QEMU", force=True)
    make_identity(path, "new", force=False)


def test_of_two_that_are_forced_at_once_one_waits_for_the_other(tmp_path, monkeypatch):
    path = image(tmp_path)
    monkeypatch.setattr(lun, "LOCK_TIMEOUT_S", 0.05)
    with lun.locked(path), pytest.raises(HypervisorError, match=r"9413.*lock was not free"):
        make_identity(path, "new", force=True)
    assert lun.peek(path) is None


def test_a_write_that_fails_is_told_with_the_reason(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lun_making.block_io, "write_block", full)
    with pytest.raises(HypervisorError, match=r"9413.*No space left"):
        make_identity(image(tmp_path), "new", force=False)


# By the hypervisor


def test_the_console_has_it_done_where_luns_may_be_and_nowhere_else(finder, san, tmp_path):
    (san / "a-link").symlink_to(image(san))
    made = finder.init_lun(str(san / "image"))
    assert (made.path, made.size_bytes, made.error) == (str(san / "a-link"), 2 * MB, ""), "as the list has it"
    assert finder.list_luns().luns == (made,)
    with pytest.raises(HypervisorError, match=rf"9723.*{san}"):
        finder.init_lun(str(image(tmp_path)), force=True)
    with pytest.raises(HypervisorError, match=r"9723"):
        finder.init_lun(str(san / "nothing"))
    assert Places().__str__() == "no place was named"


def test_each_gets_an_identity_of_its_own(finder, san):
    for number in range(3):
        image(san).rename(san / f"disk{number}")
    ids = {finder.init_lun(str(san / f"disk{number}")).unique_id for number in range(3)}
    assert len(ids) == 3
    assert max(map(len, ids)) <= 64


# Block devices


def test_a_device_gives_its_last_block(loop, tmp_path):
    made = make_identity(loop, "new", force=False)
    assert made.size_bytes == 4 * MB - 4096
    assert lun.space_of(loop) == lun.Space(4 * MB - 4096, is_device=True)
    assert lun.change_word(loop, OwnerWord(), OWNED) == OwnerWord()
    assert lun.change_word(loop, OwnerWord(), OWNED) == OWNED
    assert lun.read_word(loop) == OWNED
    assert not Path(f"{loop}.lock").exists()


def test_the_file_behind_a_loop_device_is_in_use(loop, tmp_path):
    refused(behind(loop), "9725.*loop", force=True)


def test_a_device_that_is_mounted_is_refused(loop, tmp_path):
    if subprocess.run(["mkfs.ext4", "-q", loop], check=False).returncode:
        pytest.skip("there is no mkfs.ext4")
    with pytest.raises(HypervisorError, match=r"9726.*ext4"):
        make_identity(loop, "new", force=False)
    (tmp_path / "mount").mkdir()
    if subprocess.run(["mount", loop, tmp_path / "mount"], capture_output=True, check=False).returncode:
        pytest.skip("this user can't mount")
    try:
        with pytest.raises(HypervisorError, match=r"9725.*mounted"):
            make_identity(loop, "new", force=True)
    finally:
        subprocess.run(["umount", tmp_path / "mount"], check=True)


def test_the_locks_of_a_device_hold_between_its_names(loop, tmp_path, monkeypatch):
    make_identity(loop, "new", force=False)
    (tmp_path / "by-id").symlink_to(loop)
    monkeypatch.setattr(lun, "LOCK_TIMEOUT_S", 0.05)
    with lun.locked(loop), pytest.raises(HypervisorError, match=r"9413.*lock"):
        lun.change_word(tmp_path / "by-id", OwnerWord(), OWNED)


def test_a_device_that_has_shrunk_is_an_error(loop, tmp_path):
    make_identity(loop, "new", force=False)
    with open(behind(loop), "r+b") as file:
        file.truncate(3 * MB)
    subprocess.run(["losetup", "--set-capacity", loop], check=True)
    with pytest.raises(HypervisorError, match=r"9412"):
        lun.read_word(loop)


def on_device(loop):
    make_identity(loop, "new", force=False)
    return Definition(2, OWNED.partition_uuid, "uli13lp1", 16, 0.2, 1, (LunReference("new", str(loop)),))


def test_of_two_servers_that_take_a_device_at_once_one_has_it(loop, monkeypatch):
    """The other server does not see the lock: it read the word before we wrote ours, and writes after it."""
    definition = on_device(loop)
    theirs = OwnerWord("b5f1c3de-1111-4222-8333-444455556666", "7998-60X*100E7DA")

    def rival(_):
        assert lun.change_word(loop, OWNED, theirs) == OWNED

    monkeypatch.setattr(owners.time, "sleep", rival)
    with pytest.raises(HypervisorError, match=r"9285.*7998-60X"):
        owners.claim(definition, OWNED.system)
    assert lun.read_word(loop) == theirs


def test_a_device_that_is_taken_is_read_again_and_one_that_was_own_already_is_not(loop, monkeypatch):
    definition, waits = on_device(loop), []
    monkeypatch.setattr(owners.time, "sleep", waits.append)
    owners.claim(definition, OWNED.system)
    owners.claim(definition, OWNED.system)
    assert (lun.read_word(loop), len(waits)) == (OWNED, 1)
