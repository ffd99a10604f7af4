"""A bad value stops the start and is named; a good one is taken as it is."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from ivmweb import environment

READ = {
    "IVM_MOVER_PORTS": lambda name: environment.ports(name, "0"),
    "IVM_MOVER_SLOTS": lambda name: environment.whole(name, 4, low=1),
    "IVM_PUBLIC_ADDRESS": lambda name: environment.address(name, "127.0.0.1:8443"),
    "IVM_HTTP_BIND": lambda name: environment.address(name, ""),
    "IVM_HYPERVISOR": lambda name: environment.one_of(name, "simulated", ("simulated",)),
    "IVM_LEASE_S": lambda name: environment.number(name, 5, low=0.1),
    "IVM_LAB": environment.switch,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("IVM_MOVER_PORTS", value) for value in ("9-3", "-1", "x", "30100-", "70000", "1-70000", "\u0663", "")),
        *(("IVM_MOVER_SLOTS", value) for value in ("-1", "0", "2.5", "many", "")),
        *(("IVM_PUBLIC_ADDRESS", value) for value in ("nix", ":8443", "host:", "host:0", "host:99999", "")),
        *(("IVM_HTTP_BIND", value) for value in ("nonsense", "127.0.0.1")),
        ("IVM_HYPERVISOR", "real"),
        *(("IVM_LEASE_S", value) for value in ("0", "-5", "nan", "inf", "soon")),
        ("IVM_LAB", "perhaps"),
    ],
)
def test_a_bad_value_is_named_with_what_is_needed(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as refused:
        READ[name](name)
    assert str(refused.value).startswith(f"{name} is {value!r}; it must be ")


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("IVM_MOVER_PORTS", "30100-30107", "30100-30107"),
        ("IVM_MOVER_PORTS", "0", "0"),
        ("IVM_MOVER_SLOTS", "2", 2),
        ("IVM_PUBLIC_ADDRESS", "uli13.example.com:8443", "uli13.example.com:8443"),
        ("IVM_PUBLIC_ADDRESS", "[::1]:8443", "[::1]:8443"),
        ("IVM_HTTP_BIND", "", ""),
        ("IVM_LEASE_S", "0.5", 0.5),
        ("IVM_LAB", "yes", True),
    ],
)
def test_a_good_value_is_taken(monkeypatch, name, value, read):
    monkeypatch.setenv(name, value)
    assert READ[name](name) == read


def test_a_secret_may_come_from_a_file_and_one_that_is_missing_is_named(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("of the file\n")
    monkeypatch.setenv("IVM_SECRET_KEY_FILE", str(tmp_path / "secret"))
    assert environment.text("IVM_SECRET_KEY") == "of the file"
    monkeypatch.setenv("IVM_SECRET_KEY_FILE", str(tmp_path / "nothing"))
    with pytest.raises(ImproperlyConfigured, match="IVM_SECRET_KEY_FILE"):
        environment.text("IVM_SECRET_KEY")
    monkeypatch.delenv("IVM_SECRET_KEY_FILE")
    monkeypatch.delenv("IVM_SECRET_KEY", raising=False)
    with pytest.raises(ImproperlyConfigured, match="IVM_SECRET_KEY is not set"):
        environment.text("IVM_SECRET_KEY")
