"""The OCPI registration handshake beside a party that behaves as told."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from bench.errors import BadInput, LinkDown, OperatorError
from bench.ocpi.handshake import PeerProblem
from bench.ocpi.model import Code, Credentials, Status, authorization, credentials_of, tokens_of
from tests.devices.api.memory_records import RegistryBook

URL = "http://emsp.example/ocpi/versions"
ROLE = {"role": "EMSP", "party_id": "TWK", "country_code": "GB", "business_details": {"name": "Us"}}
THEIRS = {"token": "token-c", "url": URL, "roles": [ROLE]}


def fine(data: object, code: int = 1000) -> dict[str, object]:
    return {"data": data, "status_code": code, "timestamp": "2030-01-01T00:00:00Z"}


@dataclass
class Answer:
    status: int
    body: object

    def json(self) -> object:
        if isinstance(self.body, Exception):
            raise self.body
        return self.body


@dataclass
class Party:
    """answers: by the end of the path, an envelope, a status or what is raised. plain: it wants tokens as they are."""

    plain: bool = False
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, object]] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json_body: object = None,
        action: str = "",
    ) -> Answer:
        shown = (headers or {})["Authorization"]
        self.asked.append((method, url, shown))
        self.sent.append(json_body)
        if self.plain and shown != "Token token-a":
            return Answer(401, None)
        name = url.rpartition("/")[2]
        usual = {
            "versions": fine([{"version": "2.1.1", "url": "x"}, {"version": "2.2", "url": "http://emsp.example/2.2"}]),
            "2.2": fine({"version": "2.2", "endpoints": [{"identifier": "credentials", "role": "SENDER", "url": "http://emsp.example/2.2/credentials"}]}),
            "credentials": fine(THEIRS),
        }  # fmt: skip
        answer = self.answers.get(name, usual[name])
        if isinstance(answer, Answer):
            return answer
        if isinstance(answer, Exception):
            raise answer
        return Answer(200, answer)


async def base(url: str) -> str:
    return "http://bench.example:9410"


def book_of(party: Party) -> RegistryBook:
    book = RegistryBook()
    book.registry.ocpi.reach(party, base)
    return book


@pytest.mark.parametrize("plain", [False, True])
async def test_the_bench_asks_and_keeps_what_it_is_given(plain: bool) -> None:
    party = Party(plain)
    ocpi = book_of(party).registry.ocpi
    await ocpi.register("token-a", URL, Status.PENDING)
    shown = "Token token-a" if plain else "Token " + base64.b64encode(b"token-a").decode()
    told = [("GET", URL), ("GET", "http://emsp.example/2.2"), ("POST", "http://emsp.example/2.2/credentials")]
    assert [(method, url) for method, url, _ in party.asked[-3:]] == told
    assert {header for *_, header in party.asked[-3:]} == {shown}
    [kept] = ocpi.parties
    assert (kept.status, kept.their_token, kept.url, kept.names) == (Status.REGISTERED, "token-c", URL, "GB TWK (EMSP)")
    ours = credentials_of(party.sent[-1])
    assert (ours.token, ours.url) == (kept.token, "http://bench.example:9410/ocpi/versions")
    assert ours.roles[0]["role"] == "CPO"
    assert ocpi.party_of(authorization(kept.token, encoded=True)) == kept
    assert ocpi.party_of(authorization(kept.token, encoded=False)) == kept
    assert ocpi.party_of("Token token-a") is None


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ({"versions": LinkDown("emsp.example cannot be reached")}, Code.CANNOT_USE_API, "cannot be reached"),
        ({"versions": Answer(401, None)}, Code.CANNOT_USE_API, "HTTP 401"),
        ({"versions": Answer(200, OperatorError("no JSON"))}, Code.CANNOT_USE_API, "no JSON"),
        ({"versions": []}, Code.CANNOT_USE_API, "no OCPI response"),
        ({"versions": {"status_code": "1000"}}, Code.CANNOT_USE_API, "no OCPI response"),
        ({"versions": fine(None, 2001)}, Code.CANNOT_USE_API, "OCPI status 2001"),
        ({"versions": fine([{"version": "2.1.1", "url": "x"}])}, Code.NO_COMMON_VERSION, "no OCPI 2.2"),
        ({"versions": fine("2.2")}, Code.NO_COMMON_VERSION, "no OCPI 2.2"),
        ({"2.2": fine({"version": "2.2", "endpoints": []})}, Code.NO_ENDPOINTS, "no credentials endpoint"),
        ({"2.2": fine([])}, Code.NO_ENDPOINTS, "no credentials endpoint"),
        (
            {"versions": fine([{"version": "2.2", "url": "http://169.254.169.254/x"}])},
            Code.CANNOT_USE_API,
            "another host",
        ),
        ({"versions": fine([{"version": "2.2", "url": "http://[::1/2.2"}])}, Code.CANNOT_USE_API, "another host"),
        (
            {"2.2": fine({"endpoints": [{"identifier": "credentials", "url": "http://127.0.0.1:9410/credentials"}]})},
            Code.CANNOT_USE_API,
            "another host",
        ),
        ({"credentials": Answer(405, None)}, Code.CANNOT_USE_API, "HTTP 405"),
        ({"credentials": fine(None)}, Code.CANNOT_USE_API, "no object"),
        ({"credentials": fine({**THEIRS, "token": "a b"})}, Code.CANNOT_USE_API, "token"),
        ({"credentials": fine({**THEIRS, "roles": []})}, Code.CANNOT_USE_API, "roles"),
    ],
)
async def test_a_handshake_that_fails_says_why_and_keeps_nothing(
    answers: dict[str, Any], code: Code, said: str
) -> None:
    ocpi = book_of(Party(answers=answers)).registry.ocpi
    with pytest.raises(PeerProblem, match=said) as caught:
        await ocpi.register("token-a", URL, Status.PENDING)
    assert caught.value.code is code
    assert not ocpi.parties


async def test_a_party_that_is_registered_or_has_no_url_is_only_kept() -> None:
    party = Party()
    ocpi = book_of(party).registry.ocpi
    await ocpi.register("token-a", URL, Status.REGISTERED)
    await ocpi.register("token-b", None, Status.PENDING)
    assert not party.asked
    assert [(one.token, one.status, one.their_token) for one in ocpi.parties] == [
        ("token-a", Status.REGISTERED, "token-a"),
        ("token-b", Status.PENDING, None),
    ]


async def test_registering_with_a_party_again_replaces_what_was_agreed() -> None:
    ocpi = book_of(Party()).registry.ocpi
    for _ in range(2):
        await ocpi.register("token-a", URL, Status.PENDING)
    [kept] = ocpi.parties
    assert kept.status is Status.REGISTERED


async def test_without_the_api_nobody_is_asked() -> None:
    ocpi = RegistryBook().registry.ocpi
    with pytest.raises(LinkDown, match="not served"):
        await ocpi.register("token-a", URL, Status.PENDING)


async def test_a_party_comes_is_given_a_token_of_its_own_and_leaves() -> None:
    ocpi = book_of(Party()).registry.ocpi
    await ocpi.register("token-a", None, Status.PENDING)
    [party] = ocpi.parties
    ours = await ocpi.welcome(party, credentials_of(THEIRS), "http://here")
    assert ocpi.party_of("Token token-a") is None
    registered = ocpi.party_of(f"Token {ours.token}")
    assert registered is not None
    assert (registered.id, registered.status, registered.their_token) == (party.id, Status.REGISTERED, "token-c")
    await ocpi.leave(registered)
    assert not ocpi.parties


async def test_of_two_that_come_with_one_token_one_is_registered() -> None:
    ocpi = book_of(Party()).registry.ocpi
    await ocpi.register("token-a", None, Status.PENDING)
    [party] = ocpi.parties
    comings = (ocpi.welcome(party, credentials_of(THEIRS), "http://here") for _ in range(2))
    came = await asyncio.gather(*comings, return_exceptions=True)
    [ours] = [one for one in came if isinstance(one, Credentials)]
    [refused] = [one for one in came if isinstance(one, PeerProblem)]
    assert refused.code is Code.CLIENT_ERROR
    assert ocpi.party_of(f"Token {ours.token}") is not None


async def test_a_party_that_left_while_it_was_looked_at_stays_away() -> None:
    ocpi = book_of(Party()).registry.ocpi
    await ocpi.register("token-a", None, Status.PENDING)
    [party] = ocpi.parties
    await ocpi.leave(party)
    with pytest.raises(PeerProblem, match="the token shown is over"):
        await ocpi.welcome(party, credentials_of(THEIRS), "http://here")
    assert not ocpi.parties


@pytest.mark.parametrize(
    "wrong",
    [[], {}, {**THEIRS, "token": ""}, {**THEIRS, "url": 1}, {**THEIRS, "url": "x" * 256}, {**THEIRS, "roles": "CPO"}]
    + [{**THEIRS, "roles": [{**ROLE, name: value}]} for name, value in (("party_id", "TOOLONG"), ("country_code", ""))]
    + [{**THEIRS, "roles": [{**ROLE, "business_details": {}}]}, {**THEIRS, "roles": [7]}],
)
def test_credentials_that_are_none_are_refused(wrong: object) -> None:
    with pytest.raises(BadInput):
        credentials_of(wrong)


def test_an_authorization_header_may_hold_the_token_in_base64_or_not() -> None:
    assert tokens_of("Token dG9rZW4=") == ("dG9rZW4=", "token")
    assert tokens_of("token secret!") == ("secret!",)
    for header in ("", "Token", "Token ", "Bearer x", "Basic eDp5"):
        assert tokens_of(header) == ()
