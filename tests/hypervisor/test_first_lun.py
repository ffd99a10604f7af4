"""Of several LUNs a partition's records go to the first, in whatever order they get ready."""

from pathlib import Path

from ivmweb.hypervisor.simulated.records import read_records
from tests.hypervisor.conftest import LPAR, OPERATOR, both_kinds, eventually


@both_kinds
def test_records_go_to_the_first_of_several_luns(uli13, define):
    uli13.boot(definition := define(luns=5))
    eventually(lambda: uli13.describe(LPAR).last_record)
    uli13.discard(LPAR, OPERATOR)
    with_records = [reference for reference in definition.luns if read_records(Path(reference.path))]
    assert with_records == [definition.luns[0]]
