"""Puts a whole bench together from a profile and options: the composition root of all that is not the window.

The only module beside :mod:`bench.cli` that may import the other packages.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import tempfile
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import platformdirs

from bench.clock import utc_now
from bench.csms.contract import read_trust
from bench.errors import BadInput, OperatorError
from bench.journal.capture import Capture
from bench.maeve_desk import MaeveDesk, key_codes_of
from bench.maeve_peer import MaevePeer
from bench.passwords import StationPasswords
from bench.ports import LinkState, LinkStatus, Reader, StationServer
from bench.secret import kept_secret, secret, secret_variable
from bench.serial_port import SerialPorts
from bench.session import Session
from bench.settings import CsmsSettings, MaeveSettings, Profile, ReaderSettings, UpstreamSettings
from bench.tokens.database import parse
from bench.tokens.maeve_authority import MaeveAuthority
from bench.tokens.postgres import secret_name
from bench.tokens.store import TokenStore

if TYPE_CHECKING:
    from bench.station_role.keep import RoleFile
    from devices.api.server import ApiServer
    from devices.josev import JosevBus
    from devices.ocpp.csms import CsmsServer
    from devices.ocpp.proxy import ProxyServer
    from devices.ocpp.station import CsmsConnection
    from fixtures.broker import EmbeddedBroker
    from fixtures.charger.charger import SimulatedCharger

log = logging.getLogger(__name__)

READY_LIMIT_S = 15.0
DEFAULT_BROKER_PORT = 1883
GC_THRESHOLDS = (50_000, 50, 100)
KEYRING_S = 30.0
"""A keyring may ask its owner to unlock it; for so long a start waits for that."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line or the window asks for; None = as the profile says.

    ocpp: ``HOST:PORT``. mqtt: URL, ``embedded[:PORT]`` or ``off``. store: SQLAlchemy URL or file. capture: file.
    api: ``HOST:PORT`` or ``off``. readers: ``DRIVER:PORT``, ``auto`` or ``off``. charger: ``sim`` or ``off``.
    temporary: keep store and capture in a temporary folder unless named (demo). version: OCPP version of the simulated charger.
    """

    profile: Profile = field(default_factory=Profile)
    ocpp: str | None = None
    mqtt: str | None = None
    store: str | None = None
    capture: Path | None = None
    api: str | None = None
    api_token: str | None = None
    readers: tuple[str, ...] = ()
    charger: str = "off"
    version: str = "2.0.1"
    temporary: bool = False


class Bench:
    """A session with its adapters and, where asked for, embedded broker and simulated charger."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.session: Session
        self._session_made = False
        self._moving = asyncio.Lock()
        self.api: ApiServer | None = None
        self.broker: EmbeddedBroker | None = None
        self.charger: SimulatedCharger | None = None
        self.missing: list[str] = []
        self._passwords = StationPasswords(secret)
        self._looking: asyncio.Task[None] | None = None
        self._maeve: MaevePeer | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def start(self) -> None:
        """Start all, in the order in which one needs the other.

        Raises:
            OperatorError: a part cannot start; what was started is stopped again.
        """
        # What is alive now stays; and records pile up by design, so looking through them often only costs time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        from devices.rfid.serial_ports import ComputersPorts

        options = self.options
        profile = options.profile
        mqtt = options.mqtt or profile.bus.url
        if mqtt != profile.bus.url:
            profile = profile.model_copy(update={"bus": profile.bus.model_copy(update={"url": mqtt})})
        bus, ports = await self._make_bus(profile, mqtt), ComputersPorts()
        csms = profile.ocpp.csms
        self.session = Session(
            profile,
            self.token_store(),
            capture=Capture(self._capture_path()),
            bus=bus,
            readers=tuple(self._make_readers(profile, ports)),
            csms=None if csms is None else self._make_dialer(csms, csms.identity or profile.charger.identity),
            keeper=None if csms is None else self._make_keeper(csms.identity or profile.charger.identity),
            contract_trust=read_trust(profile.ocpp.contract_roots),
            serial_ports=ports,
        )
        self.session.server = server = self._make_listener(options.ocpp or profile.ocpp.listen)
        self._session_made = True
        await self._make_maeve(profile.maeve)
        await self.session.start()
        api = options.api or profile.api
        if api != "off":
            from devices.api.server import ApiServer

            self.api = ApiServer(self.session, api, options.api_token)
            await self.api.start()
        if self._wants_passwords and profile.ocpp.upstream is None and not options.temporary:
            self._looking = self.session.tasks.spawn(self._tell_of_no_keyring(), name="look at the keyring")
        if options.charger == "sim":
            await self._start_charger(profile, server.url)

    async def listen_on(self, address: str) -> None:
        """Move the OCPP listener to ``HOST:PORT``, for a charger's network; the simulated charger follows.

        Raises:
            OperatorError: the address cannot be listened on; the bench listens where it did.
        """
        async with self._moving:
            charger, self.charger = self.charger, None
            if charger is not None:
                await charger.stop()
            try:
                await self.session.replace_server(self._make_listener(address))
            finally:
                if charger is not None and self.session.server is not None:
                    await self._start_charger(self.session.profile, self.session.server.url)

    async def stop(self) -> None:
        """Stop all in reverse order; safe after a start that failed half-way. One that fails does not keep the others running."""
        async with AsyncExitStack() as ending, self._moving:
            if self._folder is not None:
                ending.callback(self._folder.cleanup)
            if self.broker is not None:
                ending.push_async_callback(self.broker.stop)
            if self._maeve is not None:
                ending.push_async_callback(self._maeve.close)
            if self._session_made:
                ending.push_async_callback(self.session.stop)
            if self.api is not None:
                ending.push_async_callback(self.api.stop)
            if self.charger is not None:
                ending.push_async_callback(self.charger.stop)

    async def wait_ready(self, timeout_s: float = READY_LIMIT_S) -> list[str]:
        """Wait until everything listens, is subscribed and booted, and the keyring was looked at; the parts that are not after
        that time.
        """
        bus, charger, role = self.session.bus, self.charger, self.session.role
        bus_ready, charger_ready, role_ready = await asyncio.gather(
            _ready(bus.wait_ready(timeout_s) if bus is not None else None),
            _ready(charger.wait_ready(timeout_s) if charger is not None else None),
            _ready(role.wait_ready(timeout_s) if role is not None else None),
        )
        if self._looking is not None:
            await asyncio.wait([self._looking], timeout=timeout_s)
        missing = []
        if not bus_ready:
            missing.append(f"the Josev bus is not connected{self._why('josev')}")
        if not charger_ready:
            missing.append("the simulated charger has not booted")
        if not role_ready:
            missing.append(f"the CSMS has not accepted the bench as its station{self._why('csms')}")
        for reader in self.session.readers:
            status = self.session.links.get(f"reader:{reader.name}")
            if status is not None and status.state is LinkState.FAULTY:
                missing.append(f"the reader {reader.name} is not there{self._why(status.name)}")
        self.missing = missing
        return missing

    def ready_line(self) -> dict[str, object]:
        """What ``serve`` prints when it is ready."""
        session = self.session
        line: dict[str, object] = {
            "event": "ready",
            "ocpp": session.server.url if session.server is not None else None,
            "mqtt": session.bus.url if session.bus is not None else None,
            "api": self.api.url if self.api is not None else None,
            "capture": str(session.capture.path) if session.capture is not None else None,
        }
        if session.role is not None:
            line["csms"] = session.role.view().url
        if self.missing:
            line["missing"] = self.missing
        return line

    def _why(self, link: str) -> str:
        status = self.session.links.get(link)
        if status is None or not status.detail:
            return ""
        return f" ({status.detail}{'; ' + status.cure if status.cure else ''})"

    @property
    def _wants_passwords(self) -> bool:
        return self.options.profile.ocpp.security.profile in (1, 2)

    async def _tell_of_no_keyring(self) -> None:
        """Before the first station is turned away for it."""
        try:
            await asyncio.to_thread(kept_secret, "ocpp:")
        except OperatorError as error:
            example = self.options.profile.charger.identity
            self.session.finding(
                "ocpp.no-keyring",
                "warn",
                f"{error.what}: stations are let in only by passwords from the environment of the bench",
                f"set {secret_variable(f'ocpp:{example}')} for {example} and so on, then start again; on Linux a keyring needs a"
                " desktop session with a Secret Service, such as GNOME Keyring or KWallet",
            )

    async def _make_bus(self, profile: Profile, mqtt: str) -> JosevBus | None:
        from devices.josev import JosevBus

        settings = profile.bus
        if mqtt == "off":
            return None
        if mqtt == "embedded" or mqtt.startswith("embedded:"):
            from fixtures.broker import EmbeddedBroker

            where = mqtt.partition(":")[2]
            default = 0 if self.options.temporary else DEFAULT_BROKER_PORT
            host, port = host_port(where, default) if where else ("127.0.0.1", default)
            self.broker = EmbeddedBroker(host, port)
            await self.broker.start()
            return JosevBus(self.broker.url, settings.topics)
        from devices.mqtt_url import parse_url

        address = parse_url(mqtt)
        password = address.password
        if address.user and password is None:
            password = secret(f"{address.user}@{address.host}:{address.port}")
        return JosevBus(mqtt, settings.topics, user=address.user, password=password, ca_file=settings.ca_file)

    async def _make_maeve(self, settings: MaeveSettings | None) -> None:
        """The MaEVe of the profile decides about unknown tokens where the profile says so; any can be synced with."""
        session = self.session

        async def connect(wanted: MaeveSettings) -> MaevePeer:
            from devices.maeve import connector  # its HTTP library takes a while to import

            hidden = key_codes_of(session.store)
            return await connector(session.journal, session.clock, session.link_changed, hidden, secret)(wanted)

        session.maeve_desk = MaeveDesk(session.store, connect, settings)
        if settings is None:
            return
        try:
            self._maeve = await connect(settings)
        except OperatorError as error:
            session.link_changed(LinkStatus("maeve", LinkState.FAULTY, error.what, error.cure))
        else:
            session.link_changed(LinkStatus("maeve", LinkState.OFF, f"{settings.url}, not asked yet"))
            session.decisions.fallback = MaeveAuthority(self._maeve, session.finding)

    def _make_listener(self, address: str) -> StationServer:
        """What stations connect to: the bench as their CSMS, or as a proxy before another one."""
        upstream = self.options.profile.ocpp.upstream
        return self._make_server(address) if upstream is None else self._make_proxy(address, upstream)

    def _make_proxy(self, address: str, upstream: UpstreamSettings) -> ProxyServer:
        from devices.ocpp.proxy import ProxyServer
        from devices.ocpp.proxy_tls import check_url, upstream_context
        from devices.ocpp.tls import server_tls

        check_url(upstream.url)
        settings = self.options.profile.ocpp
        host, port = host_port(address)
        known = frozenset(settings.stations)
        return ProxyServer(
            host,
            port,
            upstream.url,
            self.session.become_proxy(),
            stations_allowed=lambda station: settings.unknown_stations or station in known,
            tls=server_tls(settings.security),
            upstream_ssl=upstream_context(upstream),
            password_of=self._passwords.of if self._wants_passwords else None,
        )

    def _make_dialer(self, csms: CsmsSettings, identity: str) -> CsmsConnection:
        """The connection to the CSMS whose station the bench is."""
        from devices.ocpp.proxy_tls import check_url, upstream_context
        from devices.ocpp.station import CsmsConnection

        check_url(csms.url)
        credentials = None
        if csms.user is not None:
            name = f"ocpp-csms:{identity}"
            password = secret(name)
            if password is None:
                raise OperatorError(f"there is no password for {name}", f"keep it with: authbench secret set {name}")
            credentials = csms.user, password
        return CsmsConnection(csms.url, identity, csms.versions, credentials=credentials, ssl=upstream_context(csms))

    def _make_keeper(self, identity: str) -> RoleFile:
        """Where the bench as a station keeps list and cache: beside the token store, where that is a file."""
        from bench.station_role.keep import RoleFile

        scheme, _, file = self.store_url().partition(":///")
        folder = Path(file).parent if scheme == "sqlite" and file else self._place("data")
        # Not every character of an identity may stand in a file name.
        return RoleFile(folder / f"station-{identity.encode().hex()}.json")

    def _make_server(self, address: str) -> CsmsServer:
        from devices.ocpp.csms import CsmsServer
        from devices.ocpp.tls import server_tls

        settings = self.options.profile.ocpp
        host, port = host_port(address)
        allowed = frozenset(settings.stations)
        return CsmsServer(
            host,
            port,
            stations_allowed=lambda station: settings.unknown_stations or station in allowed,
            tls=server_tls(settings.security),
            password_of=self._passwords.of if self._wants_passwords else None,
            registered=self.session.registry.stations.auth_of,
        )

    def _make_readers(self, profile: Profile, ports: SerialPorts) -> Iterator[Reader]:
        for text in self.options.readers or tuple(reader.text for reader in profile.readers):
            if text == "off":
                continue
            if text == "auto":
                from devices.rfid.discovery import likely_readers

                for driver, port in likely_readers():
                    yield ports.make(ReaderSettings(driver=driver, port=port))
                continue
            yield ports.make(parse_reader(text))

    async def _start_charger(self, profile: Profile, csms_url: str) -> None:
        from fixtures.charger.charger import SimulatedCharger
        from fixtures.charger.credentials import credentials

        bus, identity, security = self.session.bus, profile.charger.identity, profile.ocpp.security
        password = None
        if self._wants_passwords:
            look_up = asyncio.to_thread(self._passwords.of_simulated, identity, make=self.options.temporary)
            try:
                password = await asyncio.wait_for(look_up, KEYRING_S)
            except TimeoutError:
                raise OperatorError(
                    f"the system keyring gave no password within {KEYRING_S:.0f} s", "unlock it, then start again"
                ) from None
        shown = await asyncio.to_thread(credentials, security, identity, password)
        self.charger = SimulatedCharger(
            bus.url if bus is not None else None,
            csms_url,
            identity=identity,
            version=self.options.version,
            evses=tuple((evse.id, evse.ocpp_id) for evse in profile.charger.evses),
            topics=profile.bus.topics,
            basic_auth=None if shown.password is None else (identity, shown.password),
            tls=shown.tls,
        )
        await self.charger.start()

    def token_store(self) -> TokenStore:
        """The store of this bench, not yet open; the password of a server whose URL holds none is looked up."""
        url = self.store_url()
        return TokenStore(url, password=partial(_server_password, secret_name(parse(url))))

    def store_url(self) -> str:
        """The database this bench keeps its tokens in."""
        given = self.options.store or self.options.profile.store
        if given is not None:
            return given if "://" in given else f"sqlite:///{Path(given).expanduser().resolve()}"
        return f"sqlite:///{self._place('data') / 'tokens.db'}"

    def _capture_path(self) -> Path:
        if self.options.capture is not None:
            return self.options.capture.expanduser()
        # The process id keeps two benches apart that start in the same second.
        name = f"{self.options.profile.name}-{utc_now():%Y-%m-%d-%H%M%S}-{os.getpid()}.db"
        return self._place("captures") / name

    def _place(self, what: str) -> Path:
        if self.options.temporary:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="authbench-", ignore_cleanup_errors=True)
            return Path(self._folder.name)
        folder = Path(platformdirs.user_data_dir("authbench", appauthor=False))
        if what == "captures":
            folder = folder / "captures"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OperatorError(
                f"cannot make the folder {folder}: {error.strerror}", "name other files with --store and --capture"
            ) from error
        return folder


async def _ready(waiting: Awaitable[bool] | None) -> bool:
    """Whether a part became ready; one that is not there needs no waiting."""
    return waiting is None or await waiting


def host_port(text: str, default_port: int = 0) -> tuple[str, int]:
    """``HOST:PORT``, ``PORT`` or ``[IPv6]:PORT``.

    Raises:
        BadInput: the port is not a number between 0 and 65535.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = ("127.0.0.1", text) if text.isdigit() else (text, str(default_port))
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise BadInput(f"{text} is not HOST:PORT", "write for example 127.0.0.1:9000, or port 0 for a free one")
    return host.strip("[]") or "127.0.0.1", int(port)


def parse_reader(text: str) -> ReaderSettings:
    """``DRIVER[,NAME=VALUE...]:PORT``, such as ``pn532:/dev/ttyUSB0``, ``ascii,baud=115200:COM3``.

    In a value ``%3A`` is a colon, ``%2C`` a comma and ``%25`` a percent sign.

    Raises:
        BadInput: it is not of that form, or the baud rate is no number.
    """
    front, colon, port = text.partition(":")
    driver, *named = front.split(",")
    options = {name: unquote(value) for name, _, value in (part.partition("=") for part in named if "=" in part)}
    if not colon or not port or not driver or len(options) != len(named):
        raise BadInput(
            f"{text} is not DRIVER:PORT",
            "write for example pn532:/dev/ttyUSB0 or ascii,baud=115200:COM3, or auto, or off",
        )
    baud = options.pop("baud", None)
    if baud is not None and not (baud.isascii() and baud.isdigit() and len(baud) < 10 and int(baud) > 0):
        raise BadInput(f"{baud[:20]} is no baud rate", "write for example baud=9600")
    return ReaderSettings(driver=driver, port=port, baud=None if baud is None else int(baud), options=options)


def _server_password(name: str) -> str | None:
    """The password of a database server. A keyring that does not work is no reason to stop: the server may want none."""
    try:
        return secret(name)
    except OperatorError as error:
        log.info("%s", error)
        return None
