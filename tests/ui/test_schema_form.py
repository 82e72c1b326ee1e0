from __future__ import annotations

import json
import re

import pytest
from PySide6.QtWidgets import QApplication, QLineEdit

from bench.codecs.ocpp_forms import Field, Kind, form_of, minimal, sent_by_csms
from bench.codecs.ocpp_schemas import Half, schema_of
from ui.panels.free_call import STARTERS, FreeCall
from ui.panels.schema_form import MAX_ELEMENTS, SchemaForm
from ui.panels.schema_form_presets import Presets
from ui.panels.schema_form_values import ABSENT, compact, text_of, value_at, value_of, veil, without_secrets

NOW = "2026-11-21T12:00:00.000Z"
VERSIONS = tuple(STARTERS)
RETYPED = 3


def full(field: Field, levels: int = 3):
    """A payload with every field in it, a few levels deep."""
    if field.kind is Kind.OBJECT:
        return {each.name: full(each, levels - 1) for each in field.fields if levels or each.required}
    if field.kind is Kind.ARRAY:
        return [full(field.item, levels - 1)] if levels or field.limits.min_items else []
    return minimal(field, NOW)


@pytest.fixture
def call(qtbot, themed):
    call = FreeCall(now=lambda: NOW)
    qtbot.addWidget(call)
    call.resize(900, 400)
    return call


def choose(call: FreeCall, version: str, action: str) -> None:
    call.set_version(version)
    call.action.setCurrentText(action)


def as_shown(form: SchemaForm) -> None:
    """Open every fold."""
    before = -1
    while before != len(form._rows):
        before = len(form._rows)
        form.expandAll()


def retype(form: SchemaForm) -> None:
    """Type scalars of the form anew, those that are deepest first."""
    as_shown(form)
    typed = [path for path in sorted(form._rows, key=len, reverse=True) if hasattr(form.editor_of(path), "line")]
    for path in typed[:RETYPED]:
        line = form.editor_of(path).line
        if value_at(form.payload, path) is not ABSENT:
            text = line.text()
            line.setText(text + "1")
            line.setText(text)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_action_of_a_csms_has_a_form_that_keeps_its_payload(call, version):
    offered = sent_by_csms(version)
    for action in sorted(offered):
        choose(call, version, action)
        assert call.action.findText(action) >= 0
        assert call.verdict.text() == "✔ as the schema wants it", action
        schema = schema_of(version, Half.REQUEST, action)
        form = form_of(schema.document)
        for payload in (minimal(form, NOW), full(form)):
            call.payload.setPlainText(json.dumps(payload))
            assert call.judge() == payload
            assert call.form.payload == payload
            retype(call.form)
            assert compact(call.form.payload) == compact(payload), action
            assert json.loads(call.payload.toPlainText()) == veil(payload).shown
            assert call.judge() == payload, action
        for field in form.fields:
            if field.required:
                assert call.form.row_of((field.name,)) is not None


def test_required_fields_stand_first_and_are_marked(call):
    choose(call, "2.0.1", "RequestStartTransaction")
    names = [call.form.topLevelItem(row).text(0) for row in range(call.form.topLevelItemCount())]
    assert names[:2] == ["idToken *", "remoteStartId *"]
    assert call.form.row_of(("idToken",)).isExpanded()
    assert call.form.said_of(("idToken", "idToken")) == "string, maxLength 36"


def test_a_fault_is_told_beside_its_field_while_typing(call):
    choose(call, "2.0.1", "RequestStartTransaction")
    editor = call.form.editor_of(("idToken", "idToken"))
    editor.line.setText("A" * 41)
    assert call.form.said_of(("idToken", "idToken")) == "✖ maxLength 36, got 41"
    assert editor.line.property("wrong") is True
    assert json.loads(call.payload.toPlainText())["idToken"]["idToken"] == "A" * 41
    call.form.row_of(("idToken",)).setExpanded(False)
    assert call.form.said_of(("idToken",)) == "✖ 1 wrong inside"
    editor.line.setText("A" * 36)
    assert call.form.said_of(("idToken", "idToken")) == "string, maxLength 36"
    call.form.editor_of(("remoteStartId",)).line.setText("many")
    assert call.form.said_of(("remoteStartId",)) == "✖ type integer, got string"
    call.form.editor_of(("remoteStartId",)).line.clear()
    assert "remoteStartId" not in call.form.payload
    assert call.form.said_of(("remoteStartId",)) == "✖ required, but remoteStartId is missing"


def test_optional_fields_come_on_demand_and_go_again(call):
    choose(call, "2.0.1", "RequestStartTransaction")
    form = call.form
    assert form.row_of(("evseId",)) is None
    form.add(("evseId",))
    assert form.payload["evseId"] == 0
    form.add(("idToken", "additionalInfo"))
    assert form.payload["idToken"]["additionalInfo"] == [{"additionalIdToken": "", "type": ""}]
    form.add(("idToken", "additionalInfo", 1))
    assert len(form.payload["idToken"]["additionalInfo"]) == 2
    form.remove(("idToken", "additionalInfo", 0))
    form.remove(("evseId",))
    assert json.loads(call.payload.toPlainText()) == form.payload
    assert "evseId" not in form.payload
    assert len(form.payload["idToken"]["additionalInfo"]) == 1


def test_optional_booleans_have_three_states(call):
    choose(call, "2.0.1", "GetReport")
    choose(call, "2.0.1", "CustomerInformation")
    box = call.form.editor_of(("report",)).box
    assert [box.itemText(at) for at in range(box.count())] == ["true", "false"], "required: sent always"
    choose(call, "2.0.1", "GetChargingProfiles")
    choose(call, "2.1", "SetNetworkProfile")
    schema = {"type": "object", "properties": {"soon": {"type": "boolean"}}}
    call.form.show_form(form_of(schema), {})
    box = call.form.editor_of(("soon",)).box
    assert box.currentText() == "not sent"
    box.setCurrentIndex(2)
    assert call.form.payload == {"soon": False}
    box.setCurrentIndex(0)
    assert call.form.payload == {}


def test_json_that_does_not_parse_keeps_the_form_and_tells_where(call):
    choose(call, "2.0.1", "Reset")
    call.payload.setPlainText('{"type": "Immediate",\n }')
    assert call.judge() is None
    assert re.match(r"✖ not JSON at line \d, column \d", call.verdict.text())
    assert call.form.payload == {"type": "OnIdle"}
    call.payload.setPlainText('{"type": NaN}')
    assert call.judge() is None
    assert call.verdict.text() == "✖ not JSON: NaN is no JSON number"
    call.payload.setPlainText('{"type": "Soon", "more": [1, {"a": null}]}')
    call.judge()
    assert call.form.editor_of(("type",)).box.currentText() == "Soon (no choice)"
    assert call.form.editor_of(("more",)).line.text() == '[1, {"a": null}]'
    call.payload.setPlainText('{"a":' * 300 + "1" + "}" * 300)
    assert call.judge() is None
    assert call.verdict.text() == "✖ nested too deep"


def test_now_fills_a_date_time(call, qtbot):
    choose(call, "2.0.1", "ReserveNow")
    editor = call.form.editor_of(("expiryDateTime",))
    editor.line.setText("tomorrow")
    assert call.form.said_of(("expiryDateTime",)).startswith("✖ format date-time")
    next(button for button in editor.children() if getattr(button, "text", str)() == "now").click()
    assert call.form.payload["expiryDateTime"] == NOW


def test_long_arrays_are_left_to_the_json(call):
    choose(call, "1.6", "GetConfiguration")
    keys = [f"Key{n}" for n in range(MAX_ELEMENTS + 5)]
    call.payload.setPlainText(json.dumps({"key": keys}))
    call.judge()
    as_shown(call.form)
    assert call.form.row_of(("key", MAX_ELEMENTS)) is None
    call.form.editor_of(("key", 0)).line.setText("Other")
    assert call.judge() == {"key": ["Other", *keys[1:]]}


# Secrets


def test_secrets_are_dots_in_form_and_json_and_go_out_as_they_are(call, qtbot):
    choose(call, "2.0.1", "RequestStartTransaction")
    sent = []
    call.asked.connect(lambda action, payload, raw: sent.append(payload))
    payload = {"idToken": {"idToken": "4711", "type": "KeyCode"}, "remoteStartId": 1}
    call.payload.setPlainText(json.dumps(payload))
    call.judge()
    line = call.form.editor_of(("idToken", "idToken")).line
    assert line.echoMode() is QLineEdit.EchoMode.Password
    line.setText("47112")
    assert "4711" not in call.payload.toPlainText()
    call.payload.setPlainText(call.payload.toPlainText().replace('"remoteStartId": 1', '"remoteStartId": 2'))
    call.send()
    assert sent == [{"idToken": {"idToken": "47112", "type": "KeyCode"}, "remoteStartId": 2}]
    call.form.editor_of(("idToken", "type")).box.setCurrentText("Central")
    assert call.form.editor_of(("idToken", "idToken")).line.echoMode() is QLineEdit.EchoMode.Normal
    choose(call, "1.6", "ChangeConfiguration")
    call.payload.setPlainText('{"key": "AuthorizationKey", "value": "hunter2"}')
    call.judge()
    assert call.form.editor_of(("value",)).line.echoMode() is QLineEdit.EchoMode.Password


def test_dots_of_different_secrets_differ():
    payload = {"a": {"password": "one"}, "b": {"password": "two"}, "c": {"password": "one"}}
    veiled = veil(payload)
    shown = [veiled.shown[name]["password"] for name in "abc"]
    assert shown[0] == shown[2] != shown[1]
    moved = {"x": veiled.shown["b"], "y": [shown[0]]}
    assert veiled.lift(moved) == {"x": {"password": "two"}, "y": ["one"]}
    assert without_secrets(payload) == ({name: {"password": ""} for name in "abc"}, True)


# Values and presets


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.INTEGER, "12", 12),
        (Kind.INTEGER, " -3 ", -3),
        (Kind.INTEGER, "1.5", 1.5),
        (Kind.INTEGER, "true", "true"),
        (Kind.INTEGER, "NaN", "NaN"),
        (Kind.INTEGER, "9" * 5000, "9" * 5000),
        (Kind.NUMBER, "16.0", 16.0),
        (Kind.NUMBER, "", ABSENT),
        (Kind.STRING, "", ""),
        (Kind.STRING, " 12", " 12"),
        (Kind.ANY, '{"a": 1}', {"a": 1}),
        (Kind.ANY, "{", "{"),
    ],
)
def test_what_a_typed_text_stands_for(kind, text, value):
    assert value_of(kind, text) == value
    if not isinstance(value, str) and value is not ABSENT:
        assert value_of(kind, text_of(kind, value)) == value


def test_presets_are_kept_by_action_without_secrets_and_bounded(call):
    presets = call.presets
    choose(call, "1.6", "ChangeConfiguration")
    call.payload.setPlainText('{"key": "AuthorizationKey", "value": "hunter2"}')
    call.preset_menu.fill()
    call.preset_menu.name.setText(" key ")
    call.preset_menu.name.returnPressed.emit()
    assert call.verdict.text() == "✔ kept as key, without its secrets"
    QApplication.processEvents()
    assert "hunter2" not in presets.remembered()
    again = Presets()
    again.recall(presets.remembered())
    assert again.names("1.6", "ChangeConfiguration") == ["key"]
    assert again.names("2.0.1", "ChangeConfiguration") == []
    assert again.get("1.6", "ChangeConfiguration", "key") == {"key": "AuthorizationKey", "value": ""}
    call.preset_menu.fill()
    next(action for action in call.preset_menu.actions() if action.text() == "key").trigger()
    assert call.judge() == {"key": "AuthorizationKey", "value": ""}
    again.let_go("1.6", "ChangeConfiguration", "key")
    assert again.names("1.6", "ChangeConfiguration") == []
    for spoiled in ("", "{", "3", '[["1.6", "Reset", 3, {}], ["1.6", "Reset", "", {}], 5]', '[["1.6","Reset","a",[]]]'):
        again.recall(spoiled)
        assert again.remembered() == "[]"
    assert again.keep("1.6", "Reset", "big", {"a": "x" * 30_000}).startswith("⚠ too long")
    for n in range(200):
        again.keep("1.6", "Reset", str(n), {})
    assert again.keep("1.6", "Reset", "one more", {}).startswith("⚠ 200 presets")
