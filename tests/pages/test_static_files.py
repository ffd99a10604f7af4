import warnings

import pytest

from tools.paths import ROOT

ADDRESS = "/static/css/base.css"
CONTENT = (ROOT / "static/css/base.css").read_bytes()


@pytest.fixture
def get(async_client):
    async def get(**headers):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an answer that is a stream for WSGI warns
            return await async_client.get(ADDRESS, headers=headers)

    return get


@pytest.fixture
def asked(get):
    import asyncio

    return lambda **headers: asyncio.run(get(**headers))


def test_a_file_is_answered_whole_with_its_type(asked):
    answer = asked()
    assert answer.content == CONTENT
    assert answer["Content-Type"].startswith("text/css")


def test_a_part_of_a_file_is_answered(asked):
    answer = asked(Range="bytes=10-19")
    assert (answer.status_code, answer.content) == (206, CONTENT[10:20])


def test_a_file_that_the_browser_has_is_not_sent_again(asked):
    answer = asked(**{"If-None-Match": asked()["ETag"]})
    assert (answer.status_code, answer.content) == (304, b"")
