import pytest

from ivmweb.system import mapping


def test_free_names_are_kept():
    assert mapping.keep_or_rename(["vtscsi0", "vtscsi1"], "vtscsi", []) == ["vtscsi0", "vtscsi1"]


def test_a_taken_name_gets_the_lowest_number_that_nobody_has_or_wants():
    assert mapping.keep_or_rename(["vtscsi0", "vtscsi1"], "vtscsi", ["vtscsi0"]) == ["vtscsi2", "vtscsi1"]


def test_a_user_defined_name_that_is_taken_becomes_an_ordinary_one():
    assert mapping.keep_or_rename(["rootdisk"], "vtscsi", ["rootdisk", "vtscsi0"]) == ["vtscsi1"]


def test_the_same_name_wanted_twice_is_given_once():
    assert mapping.keep_or_rename(["vhost0", "vhost0"], "vhost", []) == ["vhost0", "vhost1"]


@pytest.mark.parametrize(("client", "slot"), [(2, 11), (3, 13)])
def test_slots_follow_the_scheme_of_ivm(client, slot):
    assert mapping.server_slot(client, frozenset(), 200) == slot


def test_a_taken_slot_is_passed_over_without_touching_a_serial_slot():
    assert mapping.server_slot(2, frozenset({11, 13}), 200) == 15


def test_there_is_no_slot_beyond_the_maximum():
    assert mapping.server_slot(2, frozenset({11, 13}), 15) is None


@pytest.mark.parametrize(("taken", "given"), [({1}, 2), ({1, 2}, 3), ({1, 2, 3, 5}, 4)])
def test_a_partition_keeps_its_id_or_gets_the_lowest_free_one(taken, given):
    assert mapping.free_partition_id(2, taken, 40) == given


def test_there_is_no_id_beyond_the_maximum_of_partitions():
    assert mapping.free_partition_id(2, {1, 5}, 2) is None


def test_location_codes_name_server_partition_and_slot():
    assert mapping.virtual_location("U7998.61X.100390A", 1, 11) == "U7998.61X.100390A-V1-C11"


def test_the_client_id_is_zero_while_the_client_is_off():
    assert mapping.client_partition_id(2, is_activated=True) == "0x00000002"
    assert mapping.client_partition_id(2, is_activated=False) == "0x00000000"


@pytest.mark.parametrize(
    ("wanted", "taken", "given"),
    [
        ((None, None), set(), (11, 13)),
        ((31, None), set(), (31, 11)),
        ((None, 11), set(), (13, 11)),  # the wish comes before the scheme, in whatever order they stand
        ((31, None), {31}, (None, 11)),
        ((31, 31), set(), (31, None)),
        ((12,), set(), (None,)),  # a serial slot
        ((9,), set(), (None,)),  # the management partition's own
        ((201,), set(), (None,)),
    ],
)
def test_a_wanted_slot_is_given_exactly_or_not_at_all(wanted, taken, given):
    assert mapping.server_slots(2, wanted, frozenset(taken), 200) == given
