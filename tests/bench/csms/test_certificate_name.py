"""Until its certificate is known to be its own, a station gets no answer but to its BootNotification (A00.FR.405)."""

from __future__ import annotations

import json

import pytest

from tests.bench.csms.linkbook import LinkBook

AUTHORIZE = {
    "1.6": {"idTag": "GOOD"},
    "2.0.1": {"idToken": {"idToken": "GOOD", "type": "ISO14443"}},
}
BOOT = {
    "1.6": {"chargePointVendor": "V", "chargePointModel": "M", "chargePointSerialNumber": "SN-1"},
    "2.0.1": {
        "reason": "PowerUp",
        "chargingStation": {"vendorName": "V", "model": "M", "serialNumber": "SN-1"},
    },
}


def answer(book: LinkBook, number: str, action: str, payload: dict[str, object]) -> list[object]:
    (sent,) = [line for line in book.says(2, number, action, payload) if line.startswith("> ")]
    return json.loads(sent.removeprefix("> "))


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize(
    ("name", "before", "boot", "after"),
    [
        ("CP-1", True, "Accepted", True),
        ("SN-1", False, "Accepted", True),
        ("SOMEBODY", False, "Rejected", False),
        (None, True, "Accepted", True),
    ],
)
def test_only_a_station_with_its_own_certificate_is_answered(
    version: str, name: str | None, before: bool, boot: str, after: bool
) -> None:
    book = LinkBook(version)
    book.link.station.peer_certificate_cn = None if name is None else name.replace("CP-1", book.link.station.id)
    for number, answered in (("1", before), ("3", after)):
        said = answer(book, number, "Authorize", AUTHORIZE[version])
        assert said[0] == (3 if answered else 4)
        assert answered or said[2] == "SecurityError"
        if number == "1":
            assert answer(book, "2", "BootNotification", BOOT[version])[2]["status"] == boot
    assert bool(book.desk.asked) == (before or after)
