import pytest
from django.contrib.auth.models import AnonymousUser, Group

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import rights
from ivmweb.system.rights import Right, can, require


def test_the_roles_are_there_after_the_schema_migrations(db):
    assert set(Group.objects.values_list("name", flat=True)) == set(rights.RIGHTS)


@pytest.mark.parametrize("right", Right)
def test_padmin_may_do_everything(padmin, right):
    assert can(padmin, right)


@pytest.mark.parametrize("right", Right)
def test_viewer_may_only_view(viewer, right):
    assert can(viewer, right) is (right is Right.VIEW)


@pytest.mark.parametrize("right", Right)
def test_who_is_not_logged_in_may_nothing(db, right):
    assert not can(AnonymousUser(), right)


def test_a_locked_user_may_nothing(padmin):
    padmin.is_active = False
    assert not can(padmin, Right.VIEW)


def test_a_user_without_a_role_may_nothing(padmin):
    padmin.groups.clear()
    assert rights.rights_of(padmin) == frozenset()


def test_a_refusal_names_user_and_right(viewer):
    with pytest.raises(PrerequisiteFailed, match="User viewer may not change partitions and settings"):
        require(viewer, Right.CHANGE)


def test_a_new_role_replaces_the_old_one(padmin):
    rights.give_role(padmin, rights.VIEW_ONLY)
    assert rights.rights_of(padmin) == {Right.VIEW}


def test_an_unknown_role_is_a_mistake_of_the_caller(padmin):
    with pytest.raises(ValueError, match="Prime administrator, View/Modify, View Only"):
        rights.give_role(padmin, "root")
