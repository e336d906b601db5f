"""Services of a cloud in which the creation of some keys goes wrong, by what they are described as."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Service, Services
from app.services import all_services

BUG, DEADLY, ENDLESS = "bug", "deadly", "endless"


def services() -> Services:
    return Services(tuple(_changed(service) for service in all_services().all))


def _changed(service: Service) -> Service:
    if "kms:CreateKey" not in service.operations:
        return service
    create = service.operations["kms:CreateKey"]

    def handler(draft: Draft, call: Call) -> Mapping[str, Any] | None:
        what = call["Description"]
        if what == BUG:
            raise RuntimeError("a handler that breaks")
        if what == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        while what == ENDLESS:
            pass
        return create.handler(draft, call)

    return replace(service, operations={**service.operations, create.id: replace(create, handler=handler)})
