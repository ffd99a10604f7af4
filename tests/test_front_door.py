"""./ivm and what it sets up; the supervisor has test_supervisor.py."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import bootstrap, checks, demo, extras
from tools.front_door import COMMANDS, main
from tools.guest_kit import GuestKit
from tools.paths import REQUIREMENTS, ROOT, ToolError


def pins(name):
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (REQUIREMENTS / f"{name}.lock").read_text(), re.MULTILINE))


@pytest.fixture
def venv(tmp_path, monkeypatch):
    """The bootstrap at work on a virtual environment of this test's own."""
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(bootstrap, "VAR", tmp_path / "var")
    return tmp_path / ".venv"


def test_the_script_alone_prints_every_command():
    done = subprocess.run([ROOT / "ivm"], capture_output=True, text=True, timeout=20, check=True)
    for command in COMMANDS.values():
        assert f"./ivm {command.usage}" in done.stdout


def test_an_unknown_command_is_named_and_refused(capsys):
    assert main(["dmeo"]) == 2
    assert "'dmeo'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("IVM_LAB_PORT_OFFSET", "high", "a whole number from 0 to 57000"),
        ("IVM_LAB_MEMORY_MB", "abc", "a multiple of 16 from 16 to 3424"),
        ("IVM_LAB_MEMORY_MB", "100", "a multiple of 16 from 16 to 3424"),
        ("IVM_LAB_MEMORY_MB", "999999", "a multiple of 16 from 16 to 3424"),
        ("IVM_LAB_WORKLOAD", "nan", "a number from 0 to 10000"),
        ("IVM_LAB_WORKLOAD", "-1", "a number from 0 to 10000"),
        ("IVM_LEASE_S", "soon", "a number from 0.5 to 3600"),
    ],
)
def test_a_bad_number_is_named_in_one_line_before_anything_starts(name, value, needed, capsys, monkeypatch):
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(bootstrap, "ensure", lambda wanted: pytest.fail("something was started"))
    assert main(["demo"]) == 1
    assert capsys.readouterr().err == f"ivm: {name} is {value!r}; it must be {needed}.\n"


def test_a_console_that_the_lab_has_not_is_named(capsys):
    assert main(["manage", "uli15", "check"]) == 1
    assert capsys.readouterr().err.startswith("ivm: There is no console 'uli15' in the lab.")


def test_a_changed_pip_wheel_is_refused(tmp_path, monkeypatch):
    changed = tmp_path / "pip.whl"
    changed.write_bytes(bootstrap.PIP_WHEEL.read_bytes() + b"!")
    monkeypatch.setattr(bootstrap, "PIP_WHEEL", changed)
    with pytest.raises(ToolError, match="restore it from git"):
        bootstrap.pip("--version")


def test_the_kept_pip_runs():
    bootstrap.pip("--version")


def test_the_larger_set_serves_for_the_smaller_one_only():
    stamp = {name: {name: bootstrap.fingerprint(name)} for name in bootstrap.SETS}
    assert bootstrap.fits("runtime", stamp["dev"])
    assert not bootstrap.fits("dev", stamp["runtime"])
    assert not bootstrap.fits("runtime", {"runtime": "another lock file or another Python"})


def test_an_install_that_was_cut_short_is_made_anew(venv, monkeypatch):
    def cut_short(*args):
        (venv / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "pip", cut_short)
    with pytest.raises(KeyboardInterrupt):
        bootstrap.ensure("runtime")
    assert not bootstrap.fits("runtime", bootstrap.stamps(venv))
    monkeypatch.setattr(bootstrap, "pip", lambda *args: None)
    bootstrap.ensure("runtime")
    assert not (venv / "half").exists()
    assert bootstrap.fits("runtime", bootstrap.stamps(venv))


def test_nothing_is_installed_where_everything_fits(venv, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "pip", lambda *args: None)
    bootstrap.ensure("dev")
    capsys.readouterr()
    bootstrap.ensure("dev")
    bootstrap.ensure("runtime")
    assert capsys.readouterr().out == ""


def test_the_console_is_tested_with_the_versions_it_runs_with():
    assert pins("runtime")
    assert pins("runtime").items() <= pins("dev").items()


@pytest.mark.parametrize("name", bootstrap.SETS)
def test_a_lock_file_names_no_place_to_download_from(name):
    text = (REQUIREMENTS / f"{name}.lock").read_text()
    assert "://" not in text
    assert text.count("--hash=sha256:") >= len(pins(name))


def test_a_forgotten_lock_shows_without_a_network(tmp_path, monkeypatch):
    shutil.copytree(REQUIREMENTS, tmp_path / "requirements")
    monkeypatch.setattr(checks, "REQUIREMENTS", tmp_path / "requirements")
    assert checks.lock_fits("runtime")
    with (tmp_path / "requirements" / "runtime.in").open("a") as file:
        file.write("one-more-package\n")
    assert not checks.lock_fits("runtime")
    assert not checks.lock_fits("dev")


def test_a_missing_optional_part_is_named_with_what_is_left_out(monkeypatch, capsys):
    monkeypatch.delenv("CI", raising=False)
    extras.provide(extras.Extra("Xyz", ("no-such-program",), ("xyz",), "the xyz tests are skipped"), install=False)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Xyz is not installed: the xyz tests are skipped.")


def test_only_root_installs_optional_parts(monkeypatch):
    monkeypatch.setattr(extras.os, "geteuid", lambda: 1000)
    with pytest.raises(ToolError, match="apt-get install xyz"):
        extras.provide(extras.Extra("Xyz", ("no-such-program",), ("xyz",), "nothing"), install=True)


def test_the_lab_takes_its_own_settings_from_outside_and_no_secret(monkeypatch):
    monkeypatch.setenv("IVM_LAB_MEMORY_MB", "64")
    monkeypatch.setenv("IVM_LEASE_S", "2")
    monkeypatch.setenv("IVM_SESSION_S", "60")
    monkeypatch.setenv("IVM_SECRET_KEY", "of another console")
    monkeypatch.setenv("IVM_DATABASE_URL", "of another console")
    variables = demo.options(fast=True).variables()
    assert variables["IVM_LAB_MEMORY_MB"] == "64"
    assert (variables["IVM_LEASE_S"], variables["IVM_SESSION_S"]) == ("2", "60")
    assert variables["IVM_LAB_FAST"] == "true"
    assert not {"IVM_SECRET_KEY", "IVM_DATABASE_URL"} & set(variables)


def test_memory_that_a_real_guest_cannot_have_is_refused_before_anything_starts(monkeypatch):
    guest = GuestKit(Path("vmlinux"), Path("initrd.gz"))
    monkeypatch.setenv("IVM_LAB_MEMORY_MB", "512")
    assert demo.options(fast=True, guest=guest).variables()["IVM_LAB_MEMORY_MB"] == "512"
    monkeypatch.setenv("IVM_LAB_MEMORY_MB", "320")
    assert demo.options(fast=True).variables()["IVM_LAB_MEMORY_MB"] == "320"
    with pytest.raises(ToolError, match="IVM_LAB_MEMORY_MB is '320'; it must be a multiple of 256"):
        demo.options(fast=True, guest=guest)


@pytest.mark.parametrize(("real_guests", "kind"), [(1, "qemu"), (0, "simulated")])
def test_a_command_of_a_console_knows_which_partitions_the_lab_has(tmp_path, monkeypatch, real_guests, kind):
    monkeypatch.setenv("IVM_LAB_DIR", str(tmp_path))
    (tmp_path / "lab.json").write_text(f'{{"pid": 1, "port_offset": 0, "real_guests": {real_guests}}}')
    (tmp_path / "uli13").mkdir()
    (tmp_path / "uli13" / "secret.key").write_text("x")
    told = []
    monkeypatch.setattr(demo.bootstrap, "ensure", lambda what: None)
    monkeypatch.setattr(demo.os, "execve", lambda program, words, environment: told.append(environment))
    demo.manage(["uli13", "check"])
    assert told[0]["IVM_HYPERVISOR"] == kind
