"""KMS operations a second: in this process, and over HTTP beside moto in the same run. `python tests/bench/kms.py`.

Each figure is the median of several rounds of calls one after the other, by the root user of one account, with a
symmetric key and (Sign) a P-256 key. In process there is no HTTP, no signature and no parsing; over HTTP boto3's own
time is in both figures. moto checks no policy and writes no event.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from servers import OTHERS, over_boto3, serving
from story import REGION, Answer, Ask

from app.kernel.call import Request, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from app.services import all_services

ACCOUNT = "111111111111"
ROUNDS = 7
IN_PROCESS, OVER_HTTP = 300, 40  # calls a round
Step = tuple[str, Callable[[], object]]


def in_process() -> Ask:
    """Calls to a cloud in this process; RuntimeError where one is refused."""
    cloud = Cloud.create(all_services(), MemoryStore(), new_world("bench", clock=Clock(mode="manual")))

    def ask(who: str, operation: str, parameters: Mapping[str, Any]) -> Answer:
        reply = cloud.call(Request(operation, parameters, root_of(ACCOUNT), REGION))
        if reply.error:
            raise RuntimeError(f"{operation}: {reply.error.code}: {reply.error.message}")
        return reply.answer or {}

    return ask


def steps(ask: Ask) -> list[Step]:
    """What is measured, with the keys and the ciphertext that it needs."""

    def call(operation: str, **parameters: Any) -> Answer:
        return ask("root", f"kms:{operation}", parameters)

    key = call("CreateKey")["KeyMetadata"]["KeyId"]
    ecc = call("CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    context = {"aws:ebs:id": "vol-1"}
    blob = call("Encrypt", KeyId=key, Plaintext=b"x" * 64, EncryptionContext=context)["CiphertextBlob"]
    sign = {"KeyId": ecc, "Message": b"m" * 64, "SigningAlgorithm": "ECDSA_SHA_256"}
    return [
        ("Encrypt", lambda: call("Encrypt", KeyId=key, Plaintext=b"x" * 64, EncryptionContext=context)),
        ("Decrypt", lambda: call("Decrypt", CiphertextBlob=blob, EncryptionContext=context)),
        ("GenerateDataKey", lambda: call("GenerateDataKey", KeyId=key, KeySpec="AES_256", EncryptionContext=context)),
        ("Sign", lambda: call("Sign", **sign)),
    ]


def per_second(action: Callable[[], object], calls: int) -> float:
    begun = time.perf_counter()
    for _ in range(calls):
        action()
    return calls / (time.perf_counter() - begun)


def rounds(columns: Mapping[str, tuple[list[Step], int]]) -> dict[str, dict[str, float]]:
    """Medians of calls a second, by operation and column; the columns take turns, after one round to warm up."""
    found: dict[str, dict[str, list[float]]] = {}
    for number in range(ROUNDS + 1):
        for column, (measured, calls) in columns.items():
            for name, action in measured:
                rate = per_second(action, calls)
                if number:
                    found.setdefault(name, {}).setdefault(column, []).append(rate)
    return {
        name: {column: statistics.median(rates) for column, rates in by_column.items()}
        for name, by_column in found.items()
    }


def figures() -> dict[str, dict[str, float]]:
    """Operations a second: {operation: {column: rate}}. moto only where it is installed."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        columns = {"in process": (steps(in_process()), IN_PROCESS)}
        for server in ("reseal", "moto") if (OTHERS / "moto_server").exists() else ("reseal",):
            endpoint = stack.enter_context(serving(server, Path(folder)))
            columns[f"{server}, HTTP"] = (steps(over_boto3(endpoint, {"root": (ACCOUNT, "test")})), OVER_HTTP)
        return rounds(columns)


def main() -> None:
    found = figures()
    columns = list(next(iter(found.values())))
    print("\nKMS operations a second (medians)")
    print(f"  {'':18}" + "".join(f"{column:>16}" for column in columns))
    for name, rates in found.items():
        print(f"  {name:18}" + "".join(f"{rates[column]:16,.0f}" for column in columns))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
