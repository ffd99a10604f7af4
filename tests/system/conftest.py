import pytest

pytest.register_assert_rewrite("tests.system.support")


@pytest.fixture
def by(padmin):
    return {"user": padmin, "origin": "127.0.0.1"}
