"""Media made of ISO images in the import folder."""

import errno
import hashlib
import os
import shutil

import pytest

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import media, media_import
from ivmweb.system.models import VirtualMedium

pytestmark = pytest.mark.usefixtures("state_folder")


@pytest.fixture
def images(settings, tmp_path):
    settings.IMPORT_DIR = tmp_path / "import"
    settings.IMPORT_DIR.mkdir()
    (settings.IMPORT_DIR / "linux.iso").write_bytes(b"x" * (2**20 + 1))
    return settings.IMPORT_DIR


@pytest.fixture
def take(uli13, by, images):
    media.create_repository("rootvg", 128, **by)

    def act(file="linux.iso", name="linux", read_only=True):
        media_import.add(name, file, read_only=read_only, **by)

    return act


def left():
    return sorted(path.name for path in media.folder().iterdir())


def test_a_medium_has_the_content_of_the_image_and_the_image_stays(take, images):
    take()
    file = media.folder() / "linux"
    assert file.read_bytes() == (images / "linux.iso").read_bytes()
    assert (file.stat().st_mode & 0o777, left()) == (0o400, ["linux"])
    assert VirtualMedium.objects.values_list("name", "size_mb", "is_read_only").get() == ("linux", 2, True)
    assert VirtualMedium.objects.get().sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert VirtualMedium.objects.get().can_move


def test_one_that_can_be_written_may_have_other_content_by_now(take):
    take(read_only=False)
    assert not VirtualMedium.objects.get().can_move


def test_the_path_of_the_folder_may_stand_before_the_name(take, images):
    take(str(images / "linux.iso"))
    assert VirtualMedium.objects.exists()


def refused(act, code, *arguments):
    before = left()
    with pytest.raises(PrerequisiteFailed, match=code):
        act(*arguments)
    assert not VirtualMedium.objects.exists()
    assert left() == before


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../secret", "/etc/hostname", "nothing.iso", "link.iso", "pipe", "a\0b"]
)
def test_only_files_of_the_folder_itself_are_taken(take, images, name):
    (images.parent / "secret").write_text("secret")
    (images / "link.iso").symlink_to(images.parent / "secret")
    os.mkfifo(images / "pipe")
    refused(take, "9788", name)


def test_what_does_not_fit_is_not_copied(take, images, monkeypatch):
    os.truncate(images / "linux.iso", 200 * 2**20)
    monkeypatch.setattr(shutil, "copyfileobj", None)
    refused(take, "needs 200 MB")


def test_a_full_disk_leaves_nothing(take, monkeypatch):
    def full(source, target, length):
        target.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    refused(take, "No space left")


def test_of_two_that_import_one_name_at_once_the_second_is_refused(take, by, monkeypatch):
    copy = shutil.copyfileobj

    def with_a_rival(*arguments):
        monkeypatch.setattr(shutil, "copyfileobj", copy)
        media.add("linux", 1, read_only=False, **by)
        copy(*arguments)

    monkeypatch.setattr(shutil, "copyfileobj", with_a_rival)
    with pytest.raises(PrerequisiteFailed, match="There is a virtual optical medium linux"):
        take()
    assert (VirtualMedium.objects.get().size_mb, left()) == (1, ["linux"])
    assert (media.folder() / "linux").stat().st_size == 2**20


def test_what_an_import_that_died_has_left_goes_with_the_next_one(take):
    old, new = (media.folder() / f".import.{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (0, 0))
    take()
    assert left() == [".import.new", "linux"]
