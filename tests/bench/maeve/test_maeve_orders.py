"""Orders to stations: in the words of each OCPP version, once, in order, and kept where they could not be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from bench.answers import CallAnswer
from bench.clock import SystemClock
from bench.csms.link import StationLink
from bench.errors import BadInput, LinkDown, OperatorError
from bench.exchange import MASK
from bench.maeve import orders
from bench.maeve.model import CertificateUse, InstallState, StationAuth, Trigger, WantedCertificate
from bench.maeve.setting_names import set_variable_data
from bench.settings import OcppSettings
from bench.station import Station
from tests.devices.api.certificates import a_certificate
from tests.devices.api.memory_records import FakeBoard, RegistryBook

PEM = a_certificate("Root")


class Peer:
    """A station that answers as told, by action; what breaks a schema is refused as the link does."""

    def __init__(self, version: str, **answers: Any) -> None:
        self.version = version
        self.answers = answers
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._link = StationLink(Station("CP", version), None, OcppSettings(), SystemClock())  # type: ignore[arg-type]

    async def call(self, action: str, payload: Mapping[str, object]) -> CallAnswer:
        self._link.ask(action, payload)
        self._link.closed()
        self.calls.append((action, payload))
        answer = self.answers.get(action, {"status": "Accepted"})
        answer = answer(payload) if callable(answer) else answer
        if isinstance(answer, str):
            return CallAnswer(action, None, answer, "no")
        return CallAnswer(action, answer)


def accepted(payload: Mapping[str, Any]) -> dict[str, Any]:
    """SetVariables: each is taken; names come back in capitals, in the other order."""
    results = []
    for entry in reversed(payload["setVariableData"]):
        back = {key: value for key, value in entry.items() if key != "attributeValue"}
        back["component"] = {**entry["component"], "name": entry["component"]["name"].upper()}
        results.append({**back, "attributeStatus": "Accepted"})
    return {"setVariableResult": results}


def test_a_name_says_component_instance_evse_variable_instance_and_attribute() -> None:
    assert set_variable_data("Comp;Inst;2/Var;VInst;Target", "v") == {
        "component": {"name": "Comp", "instance": "Inst", "evse": {"id": 2}},
        "variable": {"name": "Var", "instance": "VInst"},
        "attributeType": "Target",
        "attributeValue": "v",
    }
    assert set_variable_data("Comp;;1/Var", "") == {
        "component": {"name": "Comp", "evse": {"id": 1}},
        "variable": {"name": "Var"},
        "attributeValue": "",
    }
    for name in ("Comp", "Comp/", "/Var", "a;b;c;d/e", "a/b;c;d;e", "a/b/c", "a;b;-1/c", "a/b;;actual"):
        with pytest.raises(BadInput):
            set_variable_data(name, "v")


async def test_variables_are_matched_by_name_and_what_cannot_be_sent_keeps_no_other_back() -> None:
    peer = Peer("2.0.1", SetVariables=accepted)
    wanted = {"A/B": "1", "A;x/B": "2", "A/B;;Target": "3", "Key": "4", "A/Long": "x" * 1001}
    done = await orders.set_settings("2.0.1", wanted, peer.call)
    assert {name: said.status for name, said in done.items()} == {
        "A/B": "Accepted",
        "A;x/B": "Accepted",
        "A/B;;Target": "Accepted",
        "Key": orders.NOT_SENT,
        "A/Long": orders.NOT_SENT,
    }
    assert "1000" in done["A/Long"].why


async def test_a_refusal_of_all_and_an_answer_that_forgets_some_are_told() -> None:
    peer = Peer("2.0.1", SetVariables="NotSupported")
    assert (await orders.set_settings("2.0.1", {"A/B": "1"}, peer.call))["A/B"] == ("NotSupported", "no")
    result = {"attributeStatus": "Rejected", "component": {"name": "A"}, "variable": {"name": "B"}}
    result["attributeStatusInfo"] = {"reasonCode": "ReadOnly"}
    peer = Peer("2.0.1", SetVariables={"setVariableResult": [result]})
    done = await orders.set_settings("2.0.1", {"A/B": "1", "A/C": "1"}, peer.call)
    assert (done["A/B"], done["A/C"].status) == (("Rejected", "ReadOnly"), "NotAnswered")


@pytest.mark.parametrize(("said", "size"), [("4", 4), ("0", 10), ("x", 10), (None, 10), ("99999", 100)])
async def test_the_station_says_how_many_it_takes_at_once(said: str | None, size: int) -> None:
    result = {} if said is None else {"attributeValue": said}
    peer = Peer("2.0.1", GetVariables={"getVariableResult": [result]})
    assert await orders.portion("2.0.1", peer.call) == size
    assert await orders.portion("1.6", peer.call) == 1


async def test_16_takes_keys_one_by_one_of_500_characters() -> None:
    peer = Peer("1.6", ChangeConfiguration=lambda payload: {"status": payload["value"]})
    done = await orders.set_settings("1.6", {"A": "Rejected", "B": "RebootRequired", "C/D": "x" * 501}, peer.call)
    assert [said.status for said in done.values()] == ["Rejected", "RebootRequired", orders.NOT_SENT]


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_certificates_have_the_names_of_the_version(version: str) -> None:
    peer = Peer(version)
    states = {}
    for use in CertificateUse:
        states[use], why = await orders.install(version, WantedCertificate(use, PEM), peer.call)
        assert bool(why) is (states[use] is InstallState.REJECTED)
    kinds = [payload["certificateType"] for _, payload in peer.calls]
    if version == "1.6":
        assert kinds == ["ManufacturerRootCertificate", "CentralSystemRootCertificate"]
        assert [use for use, state in states.items() if state is InstallState.REJECTED] == ["V2G", "MO"]
    else:
        assert kinds == [
            "V2GRootCertificate",
            "MORootCertificate",
            "ManufacturerRootCertificate",
            "CSMSRootCertificate",
        ]
        assert set(states.values()) == {InstallState.ACCEPTED}
    peer = Peer(version, InstallCertificate={"status": "Failed"})
    assert (await orders.install(version, WantedCertificate(CertificateUse.CSMS, PEM), peer.call))[1] == "Failed"


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_triggers_have_the_names_of_the_version(version: str) -> None:
    peer = Peer(version)
    done = {wanted: (await orders.trigger(version, wanted, peer.call)).status for wanted in Trigger}
    sent = [(action, payload["requestedMessage"]) for action, payload in peer.calls]
    if version == "1.6":
        assert sent == [
            ("TriggerMessage", "BootNotification"),
            ("TriggerMessage", "StatusNotification"),
            ("ExtendedTriggerMessage", "SignChargePointCertificate"),
        ]
        assert [wanted for wanted, status in done.items() if status == orders.NOT_SENT] == [
            "SignV2GCertificate",
            "SignCombinedCertificate",
        ]
    else:
        assert sent == [("TriggerMessage", wanted.value) for wanted in Trigger]


@pytest.mark.parametrize(("version", "kind"), [("1.6", "Soft"), ("2.0.1", "OnIdle")])
async def test_a_reset_waits_for_transactions(version: str, kind: str) -> None:
    peer = Peer(version)
    assert (await orders.reset(version, peer.call)).status == "Accepted"
    assert peer.calls == [("Reset", {"type": kind})]


# The desk


@pytest.fixture
def book() -> RegistryBook:
    return RegistryBook(FakeBoard({"CP": Station("CP", "1.6")}))


async def quiet(book: RegistryBook) -> None:
    """Until every order under way came to its end."""
    async with asyncio.timeout(5):
        while len(book.tasks):
            await book.tasks.wait(1)


def actions(book: RegistryBook) -> list[str]:
    return [action for _, action, _ in book.board.calls]


async def test_an_order_without_an_answer_is_told_and_sent_again_at_the_next_boot(book: RegistryBook) -> None:
    desk, board = book.registry.stations, book.board
    board.answers["ChangeConfiguration"] = OperatorError("CP did not answer ChangeConfiguration")
    await desk.reconfigure("CP", {"A": "1"})
    await quiet(book)
    assert book.findings == [("maeve.orders", "CP: CP did not answer ChangeConfiguration")]
    assert desk.stations[0].waiting == 1
    del board.answers["ChangeConfiguration"]
    assert board.admission(board.stations["CP"]) == "Accepted"
    await asyncio.sleep(0)
    await quiet(book)
    assert (desk.stations[0].waiting, desk.stations[0].settings["A"].status) == (0, "Accepted")
    assert board.admission(board.stations["CP"]) == "Accepted"


async def test_a_station_that_goes_down_before_it_answers_the_reset_is_not_reset_again(book: RegistryBook) -> None:
    desk, board = book.registry.stations, book.board
    board.answers = {"ChangeConfiguration": {"status": "RebootRequired"}, "Reset": LinkDown("gone")}
    await desk.register("CP", StationAuth(0))
    assert board.admission(board.stations["CP"]) == "Pending"
    await desk.reconfigure("CP", {"A": "1"})
    await desk.trigger("CP", Trigger.STATUS_NOTIFICATION)
    await quiet(book)
    assert actions(book) == ["ChangeConfiguration", "Reset"]
    assert board.admission(board.stations["CP"]) == "Accepted"
    await asyncio.sleep(0)
    await quiet(book)
    assert actions(book)[2:] == ["TriggerMessage"]
    assert not book.findings


async def test_a_reset_that_is_refused_is_told_and_the_rest_goes_on(book: RegistryBook) -> None:
    desk, board = book.registry.stations, book.board
    board.answers = {"ChangeConfiguration": {"status": "RebootRequired"}, "Reset": {"status": "Rejected"}}
    await desk.reconfigure("CP", {"A": "1"})
    await desk.trigger("CP", Trigger.STATUS_NOTIFICATION)
    await quiet(book)
    assert actions(book) == ["ChangeConfiguration", "Reset", "TriggerMessage"]
    assert [rule for rule, _ in book.findings] == ["maeve.reset-refused"]


async def test_a_value_given_anew_while_the_old_one_is_sent_is_sent_too(book: RegistryBook) -> None:
    desk = book.registry.stations
    await desk.reconfigure("CP", {"A": "1"})
    await book.board.called.wait()
    await desk.reconfigure("CP", {"A": "2"})
    await quiet(book)
    assert [payload["value"] for _, _, payload in book.board.calls] == ["1", "2"]
    assert (desk.stations[0].settings["A"].value, desk.stations[0].waiting) == ("2", 0)


async def test_a_password_is_forgotten_once_it_was_sent(book: RegistryBook) -> None:
    desk = book.registry.stations
    by_attribute = "SecurityCtrlr/BasicAuthPassword;;Target"
    await desk.reconfigure("CP", {"AuthorizationKey": "secret", by_attribute: "secret", "Other": "1"})
    assert desk.stations[0].settings[by_attribute].shown(by_attribute) == MASK
    await quiet(book)
    assert {name: wanted.value for name, wanted in desk.stations[0].settings.items()} == {
        "AuthorizationKey": "",
        by_attribute: "",
        "Other": "1",
    }
