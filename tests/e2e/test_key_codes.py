"""Key codes and passwords go nowhere but into the capture: not into logs (OCPP 2.0.1 C04.FR.04), notices or answers."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from websockets.asyncio.client import connect

from bench.exchange import to_json
from bench.journal.capture import CaptureReader
from bench.settings import EnrolSettings
from bench.tasks import Tasks
from bench.tokens.enrol import enrol
from bench.tokens.model import IdTokenType
from bench.tokens.store import TokenStore
from tests.devices.bus_helpers import Peer
from tests.e2e.strangers import RawStation, raw_station
from tests.e2e.world import LIMIT_S, Serve, command, environment, options, running, until

KNOWN, UNKNOWN = "Q7KEYCODE31415Z", "Q8KEYCODE27182Y"
LONG = "Q9KEYCODE16180X" * 8
PASSWORD = "pw/Geheim+161803 ü&"

LOUD = ("-vv", "serve", "--ocpp", "127.0.0.1:0", "--api", "127.0.0.1:0", "--mqtt", "embedded:0", "--charger", "sim")
FILES = ("--store", "tokens.db", "--capture", "capture.db")


def spellings(secret: str) -> set[str]:
    """A secret as programs write it: plain, escaped, percent-encoded, in Base64 alone and behind a user's name."""
    told = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret), quote(secret, safe="")}
    told |= {base64.b64encode(text.encode()).decode() for text in (secret, f"CP-PW:{secret}", f"operator:{secret}")}
    return told | {base64.urlsafe_b64encode(secret.encode()).decode(), secret.encode().hex()}


SECRETS = {form: secret for secret in (KNOWN, UNKNOWN, LONG[:15], PASSWORD) for form in spellings(secret)}


def found_in(text: str) -> set[str]:
    """Secrets that a text holds, ignoring case."""
    folded = text.casefold()
    return {secret for form, secret in SECRETS.items() if form.casefold() in folded}


def token(value: str, kind: str = "KeyCode", **more: object) -> dict[str, Any]:
    return {"idToken": {"idToken": value, "type": kind, **more}}


def call(number: int, payload: object, action: str = "Authorize") -> str:
    return json.dumps([2, str(number), action, payload])


MALFORMED = [
    call(1, token(LONG)),  # maxLength 36
    call(2, token(KNOWN, "keycode")),
    call(3, token(KNOWN, surprise=True)),
    call(4, {"idToken": UNKNOWN, "type": "KeyCode"}),
    call(5, {**token("A", "Central"), "idToken": {"additionalInfo": [{"additionalIdToken": UNKNOWN, "type": "PIN"}]}}),
    call(6, {"vendorId": "x", "data": json.dumps(token(KNOWN))}, "DataTransfer"),
    call(7, token(KNOWN), "Autorize"),
    call(8, token(KNOWN))[:-1] + ",[]]",
    call(9, token(KNOWN))[:-4],
    call(10, {"idToken": {"type": "KeyCode", "idToken": UNKNOWN}})[:-5],
    call(11, token(UNKNOWN)).replace(f'"{UNKNOWN}"', UNKNOWN),
    call(12, token(UNKNOWN)).replace('"', "'"),
    call(13, token(KNOWN)).replace(f'"{KNOWN}"', f'"{KNOWN}\n"'),
    call(14, token(KNOWN)).replace(KNOWN, KNOWN + "\\x"),
    call(15, [token(KNOWN)]),
    json.dumps([3, "none", token(KNOWN)]),
    json.dumps([4, "none", "GenericError", "", token(KNOWN)]),
    call(16, {"basicAuthPassword": PASSWORD}, "SetNetworkProfile"),
]
"""Each with a value in it that a complaint might quote."""


def josev(data: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(
        {"id": str(uuid.uuid4()), "name": "authorization", "type": "request", "data": data, **more}
    ).encode()


def on_the_bus() -> Iterator[bytes]:
    """Key codes that other charger software presents: known, unknown, and in messages that are wrong."""
    for value in (KNOWN, UNKNOWN):
        yield josev({"id_token": value, "token_type": "key_code", "evse_id": "DE*ABC*E1"})
    yield josev({"id_token": [KNOWN], "token_type": "key_code"})
    yield josev({"id_token": LONG, "token_type": "key_code", "evse_id": 7})
    yield josev({"id_token": KNOWN, "token_type": "KeyCode", "surprise": 1})
    yield josev({"id_token": KNOWN, "token_type": "key_code"}, type="reqest")
    whole = josev({"token_type": "key_code", "id_token": UNKNOWN})
    yield whole[:-4]
    yield f'{{"data":{{"token_type":"key_code","id_token":"{UNKNOWN}"}},"id":1'.encode()
    yield whole.replace(b'"', b"'")
    yield whole.replace(f'"{UNKNOWN}"'.encode(), UNKNOWN.encode())


@asynccontextmanager
async def with_password(url: str, version: str) -> AsyncIterator[Any]:
    """A station that shows a password at the door."""
    code = base64.b64encode(f"CP-PW:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {code}"}
    async with connect(f"{url}/CP-PW", subprotocols=[f"ocpp{version}"], additional_headers=headers) as connection:
        yield connection


async def traffic(api_url: str, ocpp_url: str, bus_port: int) -> list[str]:
    """Everything that may hold a secret, on every link; what the HTTP API answered in the end."""
    peer = await asyncio.to_thread(Peer, bus_port)
    told: list[str] = []
    tasks = Tasks()
    try:
        for payload in on_the_bus():
            await asyncio.to_thread(peer.publish, "cs/josev", payload)
        for wrong in ({}, {"status": "maybe"}, {"id_token": [KNOWN]}, {"evse_id": 5, "status": "accepted"}):
            update = josev({"id_token": KNOWN, "token_type": "key_code", **wrong}, type="update")
            await asyncio.to_thread(peer.publish, "ocpp/15118", update)
        async with (
            httpx.AsyncClient(base_url=api_url, trust_env=False, timeout=LIMIT_S) as api,
            raw_station(ocpp_url, "RAW-1") as station,
            raw_station(ocpp_url, "RAW-16", "1.6") as old,
            with_password(ocpp_url, "2.0.1") as guarded,
        ):
            for value in (KNOWN, UNKNOWN):
                answer = await api.post("/bench/v1/taps", json={"uid": value, "token_type": "key_code"})
                assert answer.status_code == 200, answer.text
                told.append(answer.text)
            wrong_bodies: list[Any] = [
                {"uid": KNOWN, "token_type": "KEYCODE"},
                {"uid": [KNOWN], "token_type": "key_code"},
                {"uid": LONG * 10, "token_type": "key_code"},
                {"uid": KNOWN, "token_type": "key_code", "surprise": KNOWN},
            ]
            for body in (*map(json.dumps, wrong_bodies), f'{{"token_type": "key_code", "uid": "{KNOWN}'):
                answer = await api.post("/bench/v1/taps", content=body)
                assert answer.status_code == 400, answer.text
                told.append(answer.text)
            accepted = await station.ask(json.loads(call(1001, token(KNOWN))))
            refused = await station.ask(json.loads(call(1002, token(UNKNOWN))))
            assert accepted[2]["idTokenInfo"]["status"] == "Accepted"
            assert refused[2]["idTokenInfo"]["status"] != "Accepted"
            for frame in MALFORMED:
                await station.say(frame)
            variable = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
            vpn = {"server": "vpn.example", "user": "u", "password": PASSWORD, "key": PASSWORD, "type": "IKEv2"}
            network = {"ocppCsmsUrl": "wss://x", "basicAuthPassword": PASSWORD, "vpn": vpn, "apn": {"simPin": PASSWORD}}
            for name, action, payload in (
                ("RAW-1", "SetVariables", {"setVariableData": [{**variable, "attributeValue": PASSWORD}]}),
                ("RAW-1", "SetNetworkProfile", {"configurationSlot": 1, "connectionData": network}),
                ("RAW-16", "ChangeConfiguration", {"key": "AuthorizationKey", "value": PASSWORD}),
                (
                    "RAW-16",
                    "ChangeConfiguration",
                    {"key": "AuthorizationKey", "value": [PASSWORD], "more": PASSWORD[:0]},
                ),
            ):
                answering = station if name == "RAW-1" else old
                refusing = tasks.spawn(refuse(answering, action), name="refuse")
                where = f"/bench/v1/stations/{name}/calls/{action}"
                told.append((await api.post(where, params={"raw": "true"}, json=payload)).text)
                await refusing
            await guarded.send(json.dumps([2, "hb", "Heartbeat", {}]))
            await guarded.recv()
            told += [(await api.get(path)).text for path in ("/bench/v1/state", "/bench/v1/exchanges", "/openapi.json")]
            messages = await api.get("/bench/v1/messages", params={"limit": 10_000})
            told.append(messages.text)
            search = await api.get("/bench/v1/messages", params={"filter": f'"{KNOWN}'})
            assert search.status_code == 400
    finally:
        await tasks.cancel()
        await asyncio.to_thread(peer.close)
    return told


async def refuse(station: RawStation, action: str) -> None:
    """Answer the next call of that action, past what was answered before, with a CALLERROR."""
    while (heard := await station.hear())[0] != 2 or heard[2] != action:
        pass
    await station.say([4, heard[1], "GenericError", "no", {}])


def leaks(texts: dict[str, str]) -> list[str]:
    """Where a secret stands, with what is around it, by the name of the text."""
    told = []
    for name, text in texts.items():
        folded = text.casefold()
        for form in SECRETS:
            at = -1
            while (at := folded.find(form.casefold(), at + 1)) >= 0 and len(told) < 20:
                told.append(f"{name}: {text[max(at - 150, 0) : at + 80]}")
    return told


def raw_bytes(path: Path) -> bytes:
    with CaptureReader(path) as reader:
        return b"\n".join(message.raw for message in reader.messages(limit=100_000))


def files(folder: Path) -> dict[str, str]:
    """Every file but for the two that are there to hold the values."""
    return {
        file.name: file.read_text(encoding="utf-8", errors="replace")
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith(("capture.db", "tokens.db"))
    }


def known_token() -> Any:
    return enrol(KNOWN, IdTokenType.KEY_CODE, EnrolSettings())


@pytest.fixture
def debug_log(tmp_path: Path) -> Iterator[Path]:
    """All that any logger says, down to DEBUG, in a file."""
    handler = logging.FileHandler(tmp_path / "debug.log", encoding="utf-8")
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield tmp_path / "debug.log"
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


async def test_in_no_log_no_notice_and_no_exchange(tmp_path: Path, debug_log: Path) -> None:
    # The clients of this test are loud too.
    for name in ("websockets.client", "httpx", "httpcore", "paho"):
        logging.getLogger(name).setLevel(logging.WARNING)
    async with running(options(tmp_path, mqtt="embedded:0", api="127.0.0.1:0", charger="sim")) as bench:
        session = bench.session
        await session.store.put_many([known_token()])
        ready = bench.ready_line()
        told = await traffic(str(ready["api"]), str(ready["ocpp"]), int(str(ready["mqtt"]).rpartition(":")[2]))
        await until(session, lambda: all(not e.open for e in session.exchanges.values()), "every exchange has its end")
        notices = [f"{finding.text} {finding.cure} {finding.rule}" for finding in session.findings]
        notices += [f"{status.detail} {status.cure}" for status in session.links.values()]
        exchanges = [
            json.dumps(to_json(exchange), default=str, ensure_ascii=False) for exchange in session.exchanges.values()
        ]
        assert any("malformed" in notice for notice in notices)
        assert len(exchanges) > 4
    texts = {"HTTP": "\n".join(told), "notices": "\n".join(notices), "exchanges": "\n".join(exchanges)}
    texts |= files(debug_log.parent)
    assert "an authorization request that breaks the Josev API" in texts[debug_log.name]
    assert not (found := leaks(texts)), "\n".join(found)


class LoudServe(Serve):
    """``authbench -vv serve``: the most that can be logged, on standard error."""

    def __init__(self, folder: Path) -> None:
        self._errors = folder / "stderr.log"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench", *LOUD, *FILES],
                cwd=folder,
                env=environment(folder),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.ready: dict[str, Any] = {}


async def test_of_a_program_that_logs_all_it_can(tmp_path: Path) -> None:
    async with TokenStore(str(tmp_path / "tokens.db")) as store:
        await store.put_many([known_token()])
    with LoudServe(tmp_path) as serve:
        port = int(serve.ready["mqtt"].rpartition(":")[2])
        told = await traffic(serve.ready["api"], serve.ready["ocpp"], port)
        assert serve.terminate() == 0
    raw = raw_bytes(tmp_path / "capture.db").decode("utf-8", "replace")
    assert found_in(raw) == {KNOWN, UNKNOWN, LONG[:15], PASSWORD}  # nothing is masked on disk
    texts = {"HTTP": "\n".join(told), **files(tmp_path)}
    assert " DEBUG " in texts["stderr.log"]
    shown = {
        "show": ("show", "capture.db", "--raw"),
        "json": ("show", "capture.db", "--json"),
        "csv": ("export", "capture.db", "rows.csv"),
        "redacted": ("export", "capture.db", "some.jsonl", "--redact"),
    }
    for name, arguments in shown.items():
        done = await asyncio.to_thread(command, tmp_path, "journal", *arguments)
        assert done.returncode == 0, done.stderr
        texts[name] = done.stdout + done.stderr
    texts |= files(tmp_path)
    assert not (found := leaks(texts)), "\n".join(found)
    revealed = await asyncio.to_thread(command, tmp_path, "journal", "show", "capture.db", "--raw", "--reveal")
    assert found_in(revealed.stdout) == {KNOWN, UNKNOWN, LONG[:15], PASSWORD}
