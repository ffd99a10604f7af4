"""The whole description against the API itself, with made-up input: no fault, and every answer as described."""

import json

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

from ivmweb.api.models import ApiToken, KeptAnswer
from ivmweb.api.tokens import make_token
from ivmweb.api.urls import api

pytestmark = pytest.mark.timeout(120)

BOUNDED = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# 411: a request without a body and without a length.
REJECTED = ["400", "401", "403", "404", "405", "406", "409", "411", "413", "415", "422"]
ACCEPTED = ["2xx", "401", "403", "404", "409", "429"]
# Rules between two fields, such as minimum <= desired <= maximum, or equal ids in address and body, can't be written
# in a description: what it allows is refused with 422 here.
RULES_BETWEEN_FIELDS = "^/api/v1/peer/(validate|migrations)"
CONFIG = {
    "checks": {
        "negative_data_rejection": {"expected-statuses": REJECTED},
        "positive_data_acceptance": {"expected-statuses": ACCEPTED},
    },
    "operations": [
        {
            "include-path-regex": RULES_BETWEEN_FIELDS,
            "checks": {"positive_data_acceptance": {"expected-statuses": [*ACCEPTED, "422"]}},
        }
    ],
}
DESCRIPTION = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))
schema = schemathesis.openapi.from_dict(DESCRIPTION, config=SchemathesisConfig.from_dict(CONFIG))
schema.app = get_wsgi_application()


@pytest.fixture(autouse=True)
def cast(uli13lp1, uli13lp2, partner, padmin, kept_connection):
    """Something to ask for."""


@schema.parametrize()
@BOUNDED
def test_padmins_token(case, padmin):
    # Every example begins with a new token and no key used, whatever the one before it did.
    ApiToken.objects.all().delete()
    KeptAnswer.objects.all().delete()
    token, _ = make_token(padmin)
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"})


@schema.parametrize()
@settings(BOUNDED, max_examples=2)
def test_no_token(case):
    case.call_and_validate()


def test_every_call_describes_its_refusals_and_who_may_call_it():
    open_to_all = {"/api/v1/tokens", "/api/v1/peer/hello", "/api/v1/peer/token"}
    open_to_all |= {"/api/v1/peer/keys", "/api/v1/peer/challenge"}
    open_to_all |= {"/api/v1/peer/open-migrations", "/api/v1/peer/key-token"}  # what is asked is itself signed
    for path, operations in DESCRIPTION["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], path
            refusals = {status for status in operation["responses"] if int(status) >= 400}
            assert "503" in refusals, path
            if path not in open_to_all or method == "delete":
                assert operation["security"], path
                assert "401" in refusals, path
    schemes = DESCRIPTION["components"]["securitySchemes"]
    assert set(schemes) == {"UserToken", "MobilityBearer", "MigrationSignature"}
