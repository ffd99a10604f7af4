import fcntl
import hashlib
import subprocess
import sys

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import OwnerState, OwnerWord

MB = 1024 * 1024
OURS = OwnerWord("a5f1c3de-1111-4222-8333-444455556666", "7998-61X*100390A", "m1", OwnerState.OFFERED)


@pytest.fixture
def path(tmp_path):
    lun.create_lun(tmp_path / "hdisk2", "6005076801", MB)
    return tmp_path / "hdisk2"


def test_new_lun_is_free_and_sparse(path):
    assert lun.read_identity(path) == lun.LunIdentity("6005076801", MB)
    assert lun.read_word(path).is_free
    assert path.stat().st_blocks * 512 <= 8192


def test_existing_lun_is_not_created_again(path):
    lun.change_word(path, OwnerWord(), OURS)
    with pytest.raises(HypervisorError, match="9413"):
        lun.create_lun(path, "another", MB)
    assert lun.read_word(path) == OURS


def test_word_changes_only_from_the_expected_one(path):
    assert lun.change_word(path, OwnerWord(), OURS) == OwnerWord()
    assert lun.change_word(path, OwnerWord(), OwnerWord("thief")) == OURS
    assert lun.read_word(path) == OURS


def test_of_racing_processes_one_gets_the_lun(path):
    script = """if True:
        import sys
        from pathlib import Path
        from ivmweb.hypervisor import lun
        from ivmweb.hypervisor.base import OwnerWord
        path, me = Path(sys.argv[1]), sys.argv[2]
        sys.stdin.readline()
        won = 0
        while (word := lun.read_word(path)).migration_id != "200":
            new = OwnerWord("partition", me, str(int(word.migration_id or 0) + 1))
            won += lun.change_word(path, word, new) == word
        print(won)
    """
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("uli13", "uli14")
    ]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [int(racer.communicate(timeout=20)[0]) for racer in racers]
    assert sum(won) == 200, "each of the 200 changes was made by exactly one"


@pytest.mark.parametrize("offset", [0, 8, 40, 60, 4095])
def test_damaged_block_is_an_error_and_stays_as_it_is(path, offset):
    damaged = bytearray(path.read_bytes())
    damaged[MB + offset] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(HypervisorError, match="9412"):
        lun.read_word(path)
    with pytest.raises(HypervisorError, match="9412"):
        lun.change_word(path, OwnerWord(), OURS)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("size", [0, 100, MB])
def test_truncated_lun_is_an_error(path, size):
    with open(path, "r+b") as file:
        file.truncate(size)
    with pytest.raises(HypervisorError, match="9412"):
        lun.read_identity(path)


def test_missing_lun_is_an_error_and_leaves_no_lock_file(tmp_path):
    with pytest.raises(HypervisorError, match="no such file"):
        lun.read_word(tmp_path / "hdisk9")
    assert list(tmp_path.iterdir()) == []


def test_lock_that_is_held_for_ever_is_an_error(path, monkeypatch):
    monkeypatch.setattr(lun, "LOCK_TIMEOUT_S", 0.05)
    with open(f"{path}.lock", "w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(HypervisorError, match="was not free"):
            lun.read_word(path)


def test_a_mark_leaves_the_owner_word_alone_and_a_change_of_that_the_mark(path):
    lun.change_word(path, OwnerWord(), OURS)
    lun.set_mark(path, "m7")
    assert lun.read(path) == lun.Content(lun.LunIdentity("6005076801", MB), OURS, "m7")
    lun.change_word(path, OURS, OwnerWord())
    assert (lun.read(path).mark, lun.read_word(path)) == ("m7", OwnerWord())


def test_a_lun_of_an_earlier_version_has_no_mark(path):
    data = bytearray(path.read_bytes())
    head = len(lun.MAGIC) + 32
    filled = data[MB + head :].replace(b', "mark": ""', b" " * len(', "mark": ""'))
    path.write_bytes(data[: MB + len(lun.MAGIC)] + hashlib.sha256(filled).digest() + filled)
    assert (lun.read(path).mark, lun.read_word(path)) == ("", OwnerWord())
