from ivmweb.system.epochs import operator_fence


def test_epochs_only_rise(uli13):
    assert [operator_fence().epoch for _ in range(3)] == [1, 2, 3]
