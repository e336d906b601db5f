"""STS: who is calling, and temporary credentials.

records   sessions as they are kept    sessions    opening them, and whose key is whose
assuming  AssumeRole                   decoding    encoded messages
identities  the rest                   rules       condition keys, refusals, events
"""

from __future__ import annotations

from app.kernel.internal import internals_in
from app.kernel.operation import Service, operations_in
from app.services.sts import assuming, decoding, identities, placing, rules
from app.services.sts.records import Session
from app.services.sts.sessions import credential_of

STS = Service(
    name="sts",
    operations=operations_in(assuming, decoding, identities),
    kinds=(Session,),
    internal=internals_in(placing),
    trails={"sts": rules.TRAIL},
    denied=rules.denied,
    context=rules.context,
    credential_of=credential_of,
    missing=rules.missing,
)
