"""The OpenAPI description is true: schemathesis, which reads it alone, finds no answer that it does not allow."""

from __future__ import annotations

import os

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
