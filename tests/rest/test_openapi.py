"""The OpenAPI description is true: schemathesis, which reads it alone, finds no answer that it does not allow."""

from __future__ import annotations

import json
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.desks import Desks
from app.doors.rest.app import rest_app
from app.host import Worlds
from app.kernel.store import MemoryStore
from app.main import VERSION
from app.services import all_services
from app.settings import Settings
from tests.rest.events import sent
from tests.rest.test_desk import ORDERS, at

EXAMPLES = 1000 if os.environ.get("RESEAL_SOAK") else 8

# Whether a text is a policy, or a scenario, no JSON schema can say: such bodies are answered 422.
BEYOND_A_SCHEMA = [positive_data_acceptance]

_worlds = Worlds(all_services(), MemoryStore(), Settings(clock="manual", seed="7"))
_worlds.start()
_app = rest_app(_worlds, Desks(_worlds), VERSION)
schema = schemathesis.openapi.from_asgi("/api/openapi.json", _app)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not os.environ.get("RESEAL_SOAK"),
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
def test_every_answer_is_one_that_the_description_allows(case: schemathesis.Case) -> None:
    case.call_and_validate(excluded_checks=BEYOND_A_SCHEMA)


@pytest.mark.parametrize("kind", ORDERS)
def test_what_is_told_of_an_order_that_was_carried_out_is_as_described(kind: str, endpoint: str) -> None:
    """Generated ids name nothing. Method: ids that a server of this process has given, one of each kind."""
    described = schemathesis.openapi.from_url(f"{endpoint}/api/openapi.json")
    begun = json.loads(sent(endpoint, at(kind), ORDERS[kind]))[kind]
    sent(endpoint, at(kind, begun, "events"))

    def asked(method: str, *path: str, **query: str) -> int:
        case = described[at(kind, *path)][method].Case(path_parameters={"id": begun}, query=query)
        return case.call_and_validate(excluded_checks=BEYOND_A_SCHEMA).status_code

    parameters = described.raw_schema["paths"][at(kind, "{id}", "report")]["get"]["parameters"]
    forms = next(each["schema"]["enum"] for each in parameters if each["name"] == "format")
    assert [asked("GET", "{id}", "report", format=form) for form in forms] == [200] * len(forms)
    told = (asked("GET"), asked("GET", "{id}"), asked("GET", after=begun), asked("POST", "{id}", "cancel"))
    assert told == (200, 200, 200, 202)
    assert (asked("DELETE", "{id}"), asked("GET", "{id}"), asked("GET", "{id}", "report")) == (204, 404, 404)
