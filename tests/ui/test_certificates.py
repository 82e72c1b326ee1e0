"""Certificates in one click: filled in, made, and set in the profile."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from bench.certificate_set import CertificateFiles, CertificatesWanted, use_in_profile
from bench.errors import OperatorError
from bench.settings import OcppSettings, Profile, load_profile, save_profile
from bench.station import Station
from devices.ocpp.certificates import KeyType, hosts_of, problems, read, read_key, type_of
from devices.ocpp.tls import server_tls
from ui.app import Application, _make_certificates
from ui.certificates_flow import Certificates
from ui.panels.certificates import CertificatesDialog, names_in
from ui.transfer import Orders

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


@pytest.fixture
def flow(qtbot, themed, tasks):
    window = QMainWindow()
    qtbot.addWidget(window)
    orders = Orders(lambda severity, text: None)
    orders.tasks = tasks
    flow = Certificates(window, orders)
    yield flow
    flow.end()


async def settled(tasks):
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks._tasks, return_exceptions=True)


def wanted(folder, **more):
    return CertificatesWanted(
        **{"folder": folder, "hosts": ("10.0.0.5",), "stations": ("SN 1",), "days": 30, "key_type": "ec"} | more
    )


@pytest.mark.gui
async def test_one_click_makes_a_set_that_the_listener_takes(qtbot, flow, stub, tasks, tmp_path):
    """RSA, as for a station that takes nothing else; then into the profile, from which a listener can be made."""
    profile = tmp_path / "depot.toml"
    save_profile(Profile(name="depot", ocpp=OcppSettings(heartbeat_s=77)), profile)
    flow.make = _make_certificates
    used = []

    def use(files, level):
        used.append(use_in_profile(profile, files, level))
        return f"saved in {profile}"

    flow.use = use
    flow.show(stub, Station("CP-001", "2.0.1", serial_number="SN-0815"))
    dialog = flow.dialog
    assert dialog.isVisible()
    assert dialog.stations.text() == "SN-0815"
    assert dialog.hosts.text()
    assert not dialog.use_button.isEnabled()
    dialog.folder.setText(str(tmp_path / "tls"))
    dialog.hosts.selectAll()
    qtbot.keyClicks(dialog.hosts, "bench.local, 10.0.0.5")
    dialog.key_type.setCurrentIndex(1)
    dialog.days.setValue(30)
    qtbot.mouseClick(dialog.make_button, Qt.MouseButton.LeftButton)
    assert not dialog.make_button.isEnabled(), "one at a time"
    await settled(tasks)
    assert dialog.said.text() == f"✔ 3 certificates are in {tmp_path / 'tls'}"
    assert "station-SN-0815.pem" in dialog.made.toPlainText()
    station = read(tmp_path / "tls" / "station-SN-0815.pem")
    assert problems(station, ca=read(tmp_path / "tls" / "ca.pem")) == []
    assert type_of(read_key(tmp_path / "tls" / "server.key")) is KeyType.RSA
    assert {"bench.local", "10.0.0.5"} <= set(hosts_of(read(tmp_path / "tls" / "server.pem")))
    qtbot.mouseClick(dialog.use_button, Qt.MouseButton.LeftButton)
    assert dialog.said.text() == f"✔ saved in {profile}"
    kept = load_profile(profile)
    assert (kept.name, kept.ocpp.heartbeat_s, kept.ocpp.security.profile) == ("depot", 77, 3)
    assert server_tls(kept.ocpp.security).station_ca.startswith("Authbench CA")


@pytest.mark.gui
async def test_what_is_wrong_is_said_in_the_dialog(qtbot, flow, stub, tasks, tmp_path):
    def make(asked):
        raise OperatorError("the folder cannot be written", "choose another one")

    flow.make = make
    flow.show(stub, None)
    assert flow.dialog.stations.text() == stub.profile.charger.identity
    qtbot.mouseClick(flow.dialog.make_button, Qt.MouseButton.LeftButton)
    await settled(tasks)
    assert flow.dialog.said.text() == "✖ the folder cannot be written; choose another one"
    assert flow.dialog.make_button.isEnabled()
    flow.dialog.folder.clear()
    assert not flow.dialog.make_button.isEnabled()


def test_more_stations_use_the_same_ca_and_server(tmp_path):
    first = _make_certificates(wanted(tmp_path))
    before = first.server.read_bytes()
    second = _make_certificates(wanted(tmp_path, stations=("SN 2",)))
    assert second.server.read_bytes() == before
    assert problems(read(second.stations[0][1]), ca=read(first.ca)) == []
    with pytest.raises(OperatorError, match=r"server.pem is there already"):
        _make_certificates(wanted(tmp_path, hosts=("10.0.0.6",), stations=()))
    _make_certificates(wanted(tmp_path, hosts=("10.0.0.6",), stations=(), replace=True))
    assert "10.0.0.6" in hosts_of(read(first.server))


def test_what_was_typed_is_not_filled_in_again(qtbot, themed, tmp_path):
    dialog = CertificatesDialog(tmp_path)
    qtbot.addWidget(dialog)
    dialog.suggest(["laptop", "10.0.0.5"], ["S-1"])
    qtbot.keyClicks(dialog.stations, ", S-2")
    dialog.suggest(["laptop"], ["S-9"])
    assert dialog.wanted.stations == ("S-1", "S-2")
    assert dialog.wanted.hosts == ("laptop",)
    assert names_in("a; b,,a , c d") == ("a", "b", "c d")


def test_without_a_profile_one_is_made_beside_them(tmp_path):
    class Window:
        remembered = None

        def last_profile(self):
            return None

        def remember_profile(self, file):
            self.remembered = file

    app = Application(None)
    app.window = Window()
    files = CertificateFiles(tmp_path / "ca.pem", tmp_path / "server.pem", tmp_path / "server.key", ())
    text = app._use_certificates(files, 2)
    file = tmp_path / "profile.toml"
    assert app.window.remembered == file
    assert text.startswith(f"saved in {file} (a new profile")
    assert "authbench secret set ocpp:CP-001" in text
    security = load_profile(file).ocpp.security
    assert (security.profile, security.certificate, security.station_ca) == (2, files.server, files.ca)
