"""What a token can say, as somebody else's station with schema validation receives it, in an answer and in its list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201

from bench.settings import Profile
from bench.tokens import contract_id
from bench.tokens.model import MessageFormat, PersonalMessage, Token
from tests.e2e.strangers import Stranger16, Stranger201, stranger
from tests.e2e.world import options, running, until

NOW = "2030-01-01T12:00:00Z"
STATION = "STRANGER-1"
CARD = Token(
    "0A0B0C0D",
    "GB",
    "ABX",
    contract_id.make("GB", "ABX", "000000001"),
    "Authbench",
    group_id="fleet",
    language_code="de",
    language2="en-US",
    expiry=datetime(2999, 1, 1, tzinfo=UTC),
    evse_ids=(1,),
    personal_message=PersonalMessage("Gute Fahrt", MessageFormat.UTF8, "de"),
    charging_priority=9,
)
SAID_16 = {"status": "Accepted", "parent_id_tag": "fleet", "expiry_date": "2999-01-01T00:00:00.000Z"}
SAID_201 = {
    "status": "Accepted",
    "group_id_token": {"id_token": "fleet", "type": "Central"},
    "language1": "de",
    "language2": "en-US",
    "evse_id": [1],
    "personal_message": {"format": "UTF8", "content": "Gute Fahrt", "language": "de"},
    "charging_priority": 9,
    "cache_expiry_date_time": "2999-01-01T00:00:00.000Z",
}


def event(transaction: str, evse: int) -> Any:
    info = {"transaction_id": transaction}
    token = {"id_token": CARD.uid, "type": "ISO14443"}
    return call201.TransactionEvent("Started", NOW, "Authorized", 0, info, evse={"id": evse}, id_token=token)


@pytest.mark.parametrize("kind", [Stranger16, Stranger201])
async def test_a_stranger_is_told_all_of_a_token(tmp_path: Path, kind: type[Any]) -> None:
    async with running(options(tmp_path)) as bench, stranger(bench.session.server.url, kind) as station:
        session = bench.session
        await session.store.put(CARD)
        if kind is Stranger16:
            assert (await station.call(call16.Authorize(CARD.uid))).id_tag_info == SAID_16
            assert (await station.call(call16.StartTransaction(2, CARD.uid, 0, NOW))).id_tag_info["status"] == "Invalid"
        else:
            asked = call201.Authorize({"id_token": CARD.uid, "type": "ISO14443"})
            assert (await station.call(asked)).id_token_info == SAID_201
            assert (await station.call(event("T-1", 2))).id_token_info["status"] == "NotAtThisLocation"
        await until(session, lambda: STATION in session.stations, "the station")
        pushed = await session.push_list(STATION)
        assert pushed.ok
        assert CARD.uid in station.local_list
        # Its SupportsExpiryDateTime is not known, so it is not told of an expiry in its list.
        assert pushed.text.endswith("push again when 1 token expired") is (kind is Stranger201)
        assert [finding.text for finding in session.findings] == []


async def test_a_profile_may_forbid_two_charges_at_once(tmp_path: Path) -> None:
    asked = options(tmp_path, profile=Profile(concurrent_tx=False))
    async with running(asked) as bench, stranger(bench.session.server.url, Stranger201) as station:
        await bench.session.store.put(CARD)
        assert (await station.call(event("T-1", 1))).id_token_info["status"] == "Accepted"
        async with stranger(bench.session.server.url, Stranger16, "STRANGER-2") as other:
            started = await other.call(call16.StartTransaction(1, CARD.uid, 0, NOW))
            assert started.id_tag_info["status"] == "ConcurrentTx"
            stopped = await other.call(call16.StopTransaction(0, NOW, started.transaction_id, id_tag=CARD.uid))
            assert stopped.id_tag_info["status"] == "Accepted"
