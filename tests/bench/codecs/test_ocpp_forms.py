from __future__ import annotations

import pytest

from bench.codecs.ocpp_forms import (
    BOTH_WAYS,
    MAX_DEPTH,
    Field,
    Kind,
    form_of,
    minimal,
    sent_by_csms,
    sent_by_stations,
)
from bench.codecs.ocpp_schemas import Half, actions, schema_of
from bench.csms import answers16, answers201
from bench.errors import BenchBug


def versions() -> list[str]:
    """Those the bench has schemas of."""
    known = []
    for version in ("1.6", "2.0.1", "2.1"):
        try:
            actions(version)
        except BenchBug:
            continue
        known.append(version)
    return known


EVERY = [(version, action) for version in versions() for action in sorted(sent_by_csms(version))]


def request(version: str, action: str) -> Field:
    schema = schema_of(version, Half.REQUEST, action)
    assert schema is not None
    return form_of(schema.document)


def walk(field: Field):
    yield field
    for below in (*field.fields, *(() if field.item is None else (field.item,))):
        yield from walk(below)


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_the_smallest_payload_is_valid_and_required_fields_come_first(version, action):
    schema = schema_of(version, Half.REQUEST, action)
    form = request(version, action)
    assert schema.faults(minimal(form)) == ()
    assert set(minimal(form)) == set(schema.document.get("required", ()))
    for field in walk(form):
        needed = [each.required for each in field.fields]
        assert needed == sorted(needed, reverse=True), field.name
        assert field.kind is not Kind.ANY or field.name in ("", "data"), f"{field.name} has no type"
        assert "\n" not in field.description
        assert "&lt;" not in field.description


def test_a_field_tells_its_limits_choices_and_words():
    form = request("2.0.1", "RequestStartTransaction")
    token = form.child("idToken")
    assert token.required
    assert token.kind is Kind.OBJECT
    value = token.child("idToken")
    assert value.limits.max_length == 36
    assert value.limits.words() == "maxLength 36"
    assert "KeyCode" in token.child("type").choices
    more = token.child("additionalInfo")
    assert not more.required
    assert more.limits.min_items == 1
    assert more.child(0).child("additionalIdToken").limits.max_length == 36
    assert form.child("nonsense") is None
    assert form.child("customData").extensible
    assert not form.extensible
    assert form.child("evseId").description.startswith("Number of the EVSE")
    schedule = request("1.6", "SetChargingProfile").child("csChargingProfiles").child("chargingSchedule")
    period = schedule.child("chargingSchedulePeriod").item
    assert period.child("limit").limits.multiple_of == 0.1
    assert schedule.child("startSchedule").limits.format == "date-time"


def test_what_repeats_itself_ends():
    document = {
        "type": "object",
        "properties": {"node": {"$ref": "#/definitions/Node"}},
        "definitions": {"Node": {"type": "object", "properties": {"node": {"$ref": "#/definitions/Node"}}}},
    }
    inner = form_of(document).child("node").child("node")
    assert inner.kind is Kind.ANY
    deep: dict[str, object] = {"type": "string"}
    for _ in range(3 * MAX_DEPTH):
        deep = {"type": "object", "properties": {"in": deep}, "required": ["in"]}
    depth = sum(1 for _ in walk(form_of(deep)))
    assert depth == MAX_DEPTH + 1
    assert form_of({"type": ["string", "null"]}).kind is Kind.ANY
    assert form_of({"properties": {"a": {"$ref": "#/definitions/Gone"}}}).child("a").kind is Kind.ANY


def test_kinds_know_their_values():
    integer, number = Field("", Kind.INTEGER), Field("", Kind.NUMBER)
    assert integer.fits(1)
    assert not integer.fits(True)
    assert not integer.fits(1.5)
    assert number.fits(1)
    assert number.fits(1.5)
    assert not Field("", Kind.STRING).fits(None)
    assert Field("", Kind.BOOLEAN).fits(False)
    assert Field("", Kind.ANY).fits([1])


def test_the_smallest_number_is_within_its_limits():
    for limits, least in ({"minimum": 3}, 3), ({"minimum": -5}, 0), ({"maximum": -2}, -2), ({}, 0):
        assert minimal(form_of({"type": "integer", **limits})) == least
    assert minimal(form_of({"type": "string", "minLength": 2})) == "xx"
    assert minimal(form_of({"type": "string", "format": "date-time"}), "2026-11-21T12:00:00Z") == "2026-11-21T12:00:00Z"


def test_who_sends_what():
    """The CSMS answers what stations send, and no more."""
    assert sent_by_stations("1.6") == frozenset(answers16.ANSWERS) - BOTH_WAYS
    assert sent_by_stations("2.0.1") == frozenset(answers201.ANSWERS) - BOTH_WAYS
    assert sent_by_stations("0.9") == frozenset()
    assert {"DataTransfer", "Reset", "TriggerMessage"} <= sent_by_csms("1.6")
    assert len(sent_by_csms("2.0.1")) == 40
    assert {"NotifyWebPaymentStarted", "NotifyAllowedEnergyTransfer"}.isdisjoint(sent_by_stations("2.1"))
    with pytest.raises(BenchBug):
        sent_by_csms("0.9")
