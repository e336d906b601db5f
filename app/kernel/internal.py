"""Internal operations: what reseal itself asks of a service. AWS has no word for them.

A call of one is `reseal:<Name>` by the caller `RESEAL`, which no door gives to anybody. It goes through `Cloud.call`
like every change of a world, so it is one commit and an entry of the log; but nobody is authorized and nothing stands
in CloudTrail. A service declares its own (`@internal("PlaceKeys")`) and writes its own records in them; one service
reaches another's by `draft.internally(...)`. `reseal:Together` performs several as one: all of them, or none.

Records that come from outside are placed with the ids that they have there: `place` puts one where nothing of its id
is, leaves an equal one alone, and refuses another thing under the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from app.kernel.call import Call, service_caller
from app.kernel.errors import AwsError

if TYPE_CHECKING:
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer, Handler
    from app.kernel.records import Record

    R = TypeVar("R", bound=Record)

PREFIX: Final = "reseal:"
RESEAL: Final = service_caller("reseal")
TAKEN = AwsError("WorldHoldsAnother", "the world holds another {what} as {id}: {fields} there", 409, seen="ours")
SHOWN_MAX: Final = 60  # characters of a value in a refusal


def internal(name: str) -> Callable[[Handler], Handler]:
    """Declares an internal operation; its parameters are plain data of the service's own."""

    def attach(handler: Handler) -> Handler:
        handler.internal = name  # type: ignore[attr-defined]
        return handler

    return attach


def internals_in(*modules: ModuleType) -> dict[str, Handler]:
    return {
        value.internal: value for module in modules for value in vars(module).values() if hasattr(value, "internal")
    }


def is_internal(call: Call) -> bool:
    return call.operation.startswith(PREFIX) and call.caller == RESEAL


def together(draft: Draft, call: Call) -> Answer:
    """`parts`: (name, parameters, Region) each. Answers what each of them did."""
    return {"answers": [draft.internally(name, parameters, region) for name, parameters, region in call["parts"]]}


def place(draft: Draft, record: R, made: Iterable[str] = (), finish: Callable[[R], R] = lambda record: record) -> bool:
    """Was it put? Not where an equal one is. `made`: fields that `finish` makes here, which are not compared."""
    found = draft.get(type(record), *record.key)
    if found is None:
        draft.put(finish(record))
        return True
    compared = (name for name in record.__struct_fields__ if name not in made)
    differing = [name for name in compared if getattr(found, name) != getattr(record, name)]
    if differing:
        fields = ", ".join(f"{name} is {_shown(getattr(found, name))}" for name in differing)
        TAKEN.refuse(what=record.kind.rpartition(".")[2], id=record.id, fields=fields)
    return False


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
