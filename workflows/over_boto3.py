"""The port onto any AWS endpoint, real AWS included, through botocore: calls alone, no evidence.

Roots are signed with the 12-digit account id as access key, which reseal and LocalStack's kind understand; against AWS
a map of principals to profiles stands in for all of them.
"""

# pyright: basic

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

from app.kernel import shapes
from workflows.port import UNSIGNED, Answer, Can, Credentials, Evidence, Failure, PortFailed

if TYPE_CHECKING:
    from app.graph.build import Graph

NOTHING: Final = Evidence()
TOKEN_LENGTH_MAX: Final = 64
_CONNECT_S, _READ_S = 5, 60


class OverBoto3:
    """`endpoint` None: AWS itself. `profiles`: principal -> profile of the AWS configuration that plays it."""

    can = Can()

    def __init__(
        self, endpoint: str | None, accounts: Mapping[str, str], profiles: Mapping[str, str] | None = None
    ) -> None:
        self.endpoint = endpoint
        self._accounts = accounts
        self._profiles = dict(profiles or {})
        self._signed_in: dict[str, Credentials] = {}
        self._acting = _Acting()
        self._clients: dict[tuple[str, bool, str, str], Any] = {}
        self.can = Can(be_root=endpoint is not None and not self._profiles, played=frozenset(self._profiles))

    def sign_in(self, principal: str, credentials: Credentials) -> None:
        if self._signed_in.get(principal) == credentials:
            return
        self._signed_in[principal] = credentials

    def call(self, principal: str, operation: str, parameters: Mapping[str, Any], region: str, key: str = "") -> Answer:
        from botocore.exceptions import BotoCoreError, ClientError

        service, _, name = operation.partition(":")
        sent = dict(parameters) if self.can.repeat else {**client_token(service, name, key), **parameters}
        try:
            response = self._send(self._client(principal, service, region), name, sent, key)
        except ClientError as error:
            return _refused(error)
        except BotoCoreError as error:
            raise PortFailed(f"{operation} as {principal}: {error}") from None
        metadata = response.pop("ResponseMetadata", {})
        return Answer(metadata.get("RequestId", ""), {name: _read(value) for name, value in response.items()})

    def _send(self, client: Any, name: str, parameters: Mapping[str, Any], key: str) -> dict[str, Any]:
        return client._make_api_call(name, dict(parameters))

    def _client(self, principal: str, service: str, region: str) -> Any:
        """A client whose calls are signed as the principal: one for all whose keys are known, since each is costly."""
        profile, keys = self._profiles.get(principal, ""), UNSIGNED
        if not profile:
            keys = self._acting.keys = self._credentials(principal)
            if keys.endpoint and not self.can.evidence:
                raise PortFailed(f"{principal} calls through a VPC endpoint, and none can be made here")
        at = (profile, not profile and keys == UNSIGNED, service, region)
        if at not in self._clients:
            self._clients[at] = self._new_client(*at)
        return self._clients[at]

    def _new_client(self, profile: str, is_unsigned: bool, service: str, region: str) -> Any:
        from botocore import UNSIGNED as UNSIGNED_CALLS
        from botocore.config import Config
        from botocore.session import Session

        session = Session(profile=profile) if profile else self._session
        config = Config(
            parameter_validation=False, connect_timeout=_CONNECT_S, read_timeout=_READ_S,
            signature_version=UNSIGNED_CALLS if is_unsigned else None,
        )  # fmt: skip
        return session.create_client(service, region_name=region, endpoint_url=self.endpoint, config=config)

    @cached_property
    def _session(self) -> Any:
        """One for all whose keys are known."""
        from botocore.session import Session

        session = Session()
        session.register_component("data_loader", _loader())
        session.register_component("credential_provider", self._acting)
        return session

    def _credentials(self, principal: str) -> Credentials:
        account, _, name = principal.partition("/")
        if name == "root":
            if not self.can.be_root:
                raise PortFailed(f"no profile plays {principal}")
            return Credentials(self._accounts[account], "root")
        if principal not in self._signed_in:
            raise PortFailed(f"{principal} is not signed in")
        return self._signed_in[principal]

    def aside(self) -> OverBoto3:
        return self

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    def advance(self, by_ms: int) -> None:
        raise PortFailed("the clock of this endpoint can not be moved")

    def now_ms(self) -> int:
        raise PortFailed("the clock of this endpoint can not be moved")

    def evidence(self, request_id: str) -> Evidence:
        return NOTHING

    def graph(self) -> Graph | None:
        return None


class _Acting:
    """botocore's provider of credentials, and the credentials too: the keys of whoever makes the call at hand."""

    keys: Credentials

    def load_credentials(self) -> _Acting:
        return self

    def get_frozen_credentials(self) -> Any:
        from botocore.credentials import ReadOnlyCredentials

        return ReadOnlyCredentials(self.keys.access_key_id, self.keys.secret, self.keys.token or None)

    def get_deferred_property(self, name: str) -> Callable[[], Any]:
        """What an endpoint may be chosen by, such as the account id; ours is given."""
        return lambda: None


@cache
def _loader() -> Any:
    """One for all runs of this process: it keeps the models, which are nearly all of the cost of a client."""
    from botocore.loaders import create_loader
    from botocore.session import Session

    return create_loader(Session().get_config_variable("data_path"))


def client_token(service: str, name: str, key: str) -> dict[str, str]:
    """AWS's own idempotency, where the operation has it; a key that is too long for a token is hashed, never cut."""
    if not key or not has_client_token(f"{service}:{name}"):
        return {}
    token = key.replace("/", "-")
    fits = len(token) <= TOKEN_LENGTH_MAX
    return {"ClientToken": token if fits else hashlib.sha256(key.encode()).hexdigest()}


def has_client_token(operation: str) -> bool:
    service, _, name = operation.partition(":")
    shape: Any = shapes.operation_model(service, name).input_shape if shapes.exists(service, name) else None
    return shape is not None and "ClientToken" in shape.members


def _read(value: Any) -> Any:
    """A streamed body as bytes; all else as it is."""
    return value.read() if hasattr(value, "read") else value


def _refused(error: Any) -> Answer:
    metadata = error.response.get("ResponseMetadata", {})
    told = error.response.get("Error", {})
    headers = metadata.get("HTTPHeaders", {})
    decision, cause = headers.get("x-reseal-decision", ""), headers.get("x-reseal-cause", "")
    failure = Failure(told.get("Code", ""), told.get("Message", ""), metadata.get("HTTPStatusCode", 400))
    return Answer(metadata.get("RequestId", ""), error=failure, decision_id=decision, cause=cause)
