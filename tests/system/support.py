"""What several tests of the services ask."""

import pytest

from ivmweb.common.errors import IvmError
from ivmweb.system.models import LogicalPartition


def refusal_that_leaves(everything):
    """What runs an act that has to be refused: it answers the error, and `everything` is as it was before."""

    def refusal(act, *args, **kwargs):
        before = everything()
        with pytest.raises(IvmError) as caught:
            act(*args, **kwargs)
        assert everything() == before
        return caught.value

    return refusal


def again(partition):
    return LogicalPartition.objects.get(pk=partition.pk)
