"""Who is not let in, on real sockets: refused, told with the cause, and nothing of it acted on. Then the right one is let in."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.assembly import Bench
from bench.clock import utc_now
from bench.errors import OperatorError
from bench.message import Link
from bench.settings import OcppSettings, Profile, SecuritySettings, save_profile
from devices.ocpp import certificates
from devices.ocpp import connection as connection_module
from devices.ocpp.certificates import Made, make
from fixtures.charger.credentials import credentials
from tests.e2e.plain_socket import TEXT, dialled, frame, nobody_left, plain_station, port_of, request
from tests.e2e.world import LIMIT_S, command, finding, options, running
from tests.keyrings import MemoryKeyring, keyring_in_use

ID = "CP-9"
PASSWORD = "a-password-of-16-or-more"


@dataclass(frozen=True)
class Files:
    """Certificates of the bench, and of stations that are right and wrong."""

    ours: tuple[Made, ...]  # CA, server, CP-9, OTHER
    foreign: tuple[Made, ...]
    expired: Made
    early: Made
    self_signed: Made
    many: Made
    deep: Made
    deep_root: Path


def in_days(days: int, make_them: Callable[[], tuple[Made, ...]]) -> tuple[Made, ...]:
    """Made as if on another day."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificates, "utc_now", lambda: utc_now() + timedelta(days=days))
        return make_them()


def chain(folder: Path, length: int) -> tuple[Made, Path]:
    """A certificate with so many CAs between it and a root, and that root; -1: a self-signed one."""
    folder.mkdir()
    pems: list[bytes] = []
    now, key, issuer = utc_now(), ec.generate_private_key(ec.SECP256R1()), "CA 0" if length >= 0 else ID
    for number in range(length + 2):
        own = key if not number else ec.generate_private_key(ec.SECP256R1())
        name = ID if number == length + 1 else f"CA {number}"
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(own.public_key())
            .serial_number(number + 1)
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name != ID, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pems.append(made.public_bytes(serialization.Encoding.PEM))
        key, issuer = own, name
    root, files = folder / "root.pem", Made(folder / "leaf.pem", folder / "leaf.key")
    root.write_bytes(pems[0])
    files.certificate.write_bytes(b"".join(reversed(pems[1:] or pems)))
    form = serialization.PrivateFormat.PKCS8
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return files, root


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("tls")
    ours = make(folder, stations=[ID, "OTHER"])
    many = Made(folder / "many.pem", ours[2].key)
    many.certificate.write_bytes(ours[2].certificate.read_bytes() + ours[0].certificate.read_bytes() * 300)
    alone, _ = chain(folder / "alone", -1)
    deep, root = chain(folder / "deep", 103)
    return Files(
        ours,
        make(folder / "foreign", stations=[ID]),
        make(folder, stations=["OLD"], days=-1)[-1],
        in_days(10, lambda: make(folder, stations=["EARLY"]))[-1],
        alone,
        many,
        deep,
        root,
    )


def settings(files: Files, profile: int) -> SecuritySettings:
    ca, server = files.ours[:2]
    return SecuritySettings(profile=profile, certificate=server.certificate, key=server.key, station_ca=ca.certificate)


@asynccontextmanager
async def secured(tmp_path: Path, security: SecuritySettings) -> AsyncIterator[Bench]:
    async with running(options(tmp_path, profile=Profile(ocpp=OcppSettings(security=security)))) as bench:
        yield bench


@pytest.fixture(autouse=True)
def password() -> Iterator[None]:
    with keyring_in_use(MemoryKeyring()) as ring:
        ring.kept["authbench", f"ocpp:{ID}"] = PASSWORD
        yield


def login(user: str = ID, password: str = PASSWORD) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def client(files: Files, own: Made | None = None, ca: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca or files.ours[0].certificate))
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context


def spoken(port: int, context: ssl.SSLContext | None, said: bytes) -> bytes:
    """Dial, say that and listen to the end, with blocking sockets, whose TLS sends its alerts; what came, or the error."""
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as plain:
        try:
            with plain if context is None else context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                wrapped.sendall(said)
                heard = b""
                while more := wrapped.recv(2**16):
                    heard += more
                return heard
        except OSError as error:
            return str(error).encode()


def hello(minor: int) -> bytes:
    """A ClientHello of TLS 1.(minor - 1), with suites of that time."""
    suites = bytes.fromhex("c009c00ac013c014002f0035")
    extensions = bytes.fromhex("000a00040002001700" + "0b00020100")
    body = bytes([3, minor]) + bytes(32) + b"\x00" + len(suites).to_bytes(2, "big") + suites + b"\x01\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    shake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(shake).to_bytes(2, "big") + shake


async def let_in(bench: Bench, files: Files, profile: int) -> None:
    """The right station is served."""
    shown = credentials(settings(files, profile), ID, PASSWORD)
    more = (login(),) if profile in (1, 2) else ()
    async with plain_station(bench.session, ID, "1.6", *more, tls=shown.tls) as station:
        station.write(frame(TEXT, b'[2,"1","Heartbeat",{}]'))
        assert (await station.read_frame())[1].startswith(b'[3,"1"')


def nothing_acted_on(bench: Bench) -> None:
    session = bench.session
    assert session.stations == {}
    assert not [m for m in session.journal.since(0) if m.link is Link.OCPP and m.decoded.kind != "link"]
    assert not session.exchanges


Dial = Callable[[Files], tuple[ssl.SSLContext | None, bytes]]


def case(name: str, profile: int, dial: Dial, rule: str, *says: str, answer: bytes = b"") -> Any:
    return pytest.param(profile, dial, rule, says, answer, id=name)


GOOD = request(ID, "ocpp1.6", login())
CASES = [
    case(
        "a station of another CA", 3, lambda f: (client(f, f.foreign[2]), request(ID, "ocpp1.6")),
        "ocpp.client-certificate-ca", "its certificate is not signed by Authbench CA", answer=b"UNKNOWN_CA",
    ),
    case(
        "self-signed", 3, lambda f: (client(f, f.self_signed), request(ID, "ocpp1.6")),
        "ocpp.client-certificate-ca", "is not signed by Authbench CA", "self-signed certificate",
    ),
    case(
        "expired", 3, lambda f: (client(f, f.expired), request(ID, "ocpp1.6")),
        "ocpp.client-certificate-expired", "its certificate has expired", answer=b"EXPIRED",
    ),
    case(
        "not yet valid", 3, lambda f: (client(f, f.early), request(ID, "ocpp1.6")),
        "ocpp.client-certificate-not-yet-valid", "its certificate is not valid yet; ",
    ),
    case(
        "no certificate", 3, lambda f: (client(f), request(ID, "ocpp1.6")),
        "ocpp.no-client-certificate", "security profile 3 needs one", answer=b"CERTIFICATE_REQUIRED",
    ),
    case(
        "a server's certificate", 3, lambda f: (client(f, f.ours[1]), request(ID, "ocpp1.6")),
        "ocpp.client-certificate-purpose", "its certificate is not made for clients",
    ),
    case(
        "300 certificates", 3, lambda f: (client(f, f.many), request(ID, "ocpp1.6")),
        "ocpp.tls-too-large", "a chain of very many certificates",
    ),
    case(
        "our CA unknown to it", 2, lambda f: (client(f, ca=f.foreign[0].certificate), GOOD),
        "ocpp.server-certificate-ca", "it does not know the CA that signed this bench's certificate", "ca.pem",
        answer=b"CERTIFICATE_VERIFY_FAILED",
    ),
    case(
        "TLS 1.0", 2, lambda f: (None, hello(1)),
        "ocpp.tls-version", "its TLS version is too old; OCPP needs TLS 1.2", answer=b"\x02\x46",
    ),
    case(
        "TLS 1.1", 2, lambda f: (None, hello(2)),
        "ocpp.tls-version", "its TLS version is too old; OCPP needs TLS 1.2", answer=b"\x02\x46",
    ),
    case(
        "no common cipher", 2, lambda f: (None, hello(3)),
        "ocpp.tls-cipher", "no TLS cipher suite is known to both sides", answer=b"\x02\x28",
    ),
    case(
        "a ClientHello that is none", 2, lambda f: (None, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
        "ocpp.tls-handshake", "the TLS handshake failed",
    ),
    case(
        "downgrade from 2 to plain", 2, lambda f: (None, GOOD),
        "ocpp.plain-on-tls-port", "a lower security profile is not let in", answer=b"HTTP/1.1 400",
    ),
    case(
        "downgrade from 3 to plain", 3, lambda f: (None, request(ID, "ocpp1.6")),
        "ocpp.plain-on-tls-port", "a lower security profile is not let in", answer=b"this port is TLS",
    ),
    case(
        "downgrade from 3 to a password", 3, lambda f: (client(f), GOOD),
        "ocpp.no-client-certificate", "it showed no certificate",
    ),
    case(
        "TLS on a plain port", 1, lambda f: (client(f), GOOD),
        "ocpp.tls-on-plain-port", "it speaks TLS (wss://), but this port is plain",
    ),
    case(
        "neither TLS nor HTTP", 2, lambda f: (None, b"\x00\x01\x02\x03"), "ocpp.not-tls", "it speaks no TLS",
    ),
    *(
        case(f"{name} on {profile}", profile, dial, rule, f"station {ID} at 127.0.0.1", *says, answer=b"HTTP/1.1 401")
        for profile in (1, 2)
        for name, dial, rule, says in (
            (
                "wrong user", lambda f, p=profile: (tls_of(f, p), request(ID, "ocpp1.6", login("CP-8"))),
                "ocpp.basic-auth-user", ("the user 'CP-8'", "set the user in the station to CP-9"),
            ),
            (
                "user and password swapped",
                lambda f, p=profile: (tls_of(f, p), request(ID, "ocpp1.6", login(PASSWORD, ID))),
                "ocpp.basic-auth-user", ("it logs in with its id as the password", "swap user and password"),
            ),
            (
                "wrong password", lambda f, p=profile: (tls_of(f, p), request(ID, "ocpp1.6", login(ID, "guess"))),
                "ocpp.basic-auth-password", ("its password is wrong", "authbench secret set ocpp:CP-9"),
            ),
            (
                "no header", lambda f, p=profile: (tls_of(f, p), request(ID, "ocpp1.6")),
                "ocpp.basic-auth-missing", ("it sent no basic-auth header",),
            ),
            (
                "a header of another kind",
                lambda f, p=profile: (tls_of(f, p), request(ID, "ocpp1.6", f"Authorization: Bearer {PASSWORD}")),
                "ocpp.basic-auth-malformed", ("its Authorization header is no basic auth",),
            ),
            (
                "a header that is no Base64",
                lambda f, p=profile: (tls_of(f, p), request(ID, "ocpp1.6", f"Authorization: Basic {ID}:{PASSWORD}")),
                "ocpp.basic-auth-malformed", ("its Authorization header is no basic auth",),
            ),
        )
    ),
    *(
        case(f"{name} on {profile}", profile, dial, rule, *says, answer=answer)
        for profile in (0, 2)
        for name, dial, rule, says, answer in (
            (
                "no subprotocol", lambda f, p=profile: (tls_of(f, p), request(ID, None, login())),
                "ocpp.no-common-version", ("it offered none; this bench speaks",), b"HTTP/1.1 400",
            ),
            (
                "a wrong subprotocol", lambda f, p=profile: (tls_of(f, p), request(ID, "ocpp1.5, mqtt", login())),
                "ocpp.no-common-version", ("it offered ocpp1.5, mqtt; this bench speaks",), b"HTTP/1.1 400",
            ),
            (
                "no upgrade", lambda f, p=profile: (tls_of(f, p), request(ID, None, login(), upgrade=False)),
                "ocpp.not-websocket", ("a plain HTTP request, no WebSocket handshake",), b"HTTP/1.1 426",
            ),
        )
    ),
]  # fmt: skip


def tls_of(files: Files, profile: int) -> ssl.SSLContext | None:
    return client(files) if profile >= 2 else None


@pytest.mark.parametrize(("profile", "dial", "rule", "says", "answer"), CASES)
async def test_refused_told_and_not_acted_on(
    tmp_path: Path, files: Files, profile: int, dial: Dial, rule: str, says: tuple[str, ...], answer: bytes
) -> None:
    async with secured(tmp_path, settings(files, profile)) as bench:
        session = bench.session
        context, said = dial(files)
        heard = await asyncio.to_thread(spoken, port_of(session), context, said)
        assert answer.lower() in heard.lower().replace(b" ", b"_" if b"_" in answer else b" "), heard
        told = await finding(session, rule, "")
        cure = session.findings[-1].cure
        for part in says:
            assert part in f"{told}; {cure}"
        assert PASSWORD not in f"{told} {cure} {heard!r}"
        await nobody_left(session)
        assert [one.rule for one in session.findings] == [rule]
        assert session.findings[0].severity in ("fail", "warn")
        nothing_acted_on(bench)
        await let_in(bench, files, profile)


async def test_a_chain_that_is_too_long(tmp_path: Path, files: Files) -> None:
    security = settings(files, 3).model_copy(update={"station_ca": files.deep_root})
    async with secured(tmp_path, security) as bench:
        await asyncio.to_thread(spoken, port_of(bench.session), client(files, files.deep), request(ID, "ocpp1.6"))
        await finding(bench.session, "ocpp.client-certificate-chain", "the chain of its certificates is too long")
        nothing_acted_on(bench)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_certificate_for_another_id(tmp_path: Path, files: Files, version: str) -> None:
    async with secured(tmp_path, settings(files, 3)) as bench:
        tls = client(files, files.ours[3])
        async with plain_station(bench.session, ID, version, tls=tls) as station:
            if version == "1.6":
                boot = '{"chargePointVendor":"V","chargePointModel":"M","chargePointSerialNumber":"S-77"}'
                asked = '{"idTag":"04A2B3C4D5E680"}'
            else:
                plate = '{"vendorName":"V","model":"M","serialNumber":"S-77"}'
                boot = f'{{"reason":"PowerUp","chargingStation":{plate}}}'
                asked = '{"idToken":{"idToken":"04A2B3C4D5E680","type":"ISO14443"}}'
            for number, call in enumerate(
                (f'"Authorize",{asked}', f'"BootNotification",{boot}', f'"Authorize",{asked}')
            ):
                station.write(frame(TEXT, f'[2,"{number}",{call}]'.encode()))
                answer = (await station.read_frame())[1]
                wanted = b'"Rejected"' if "Boot" in call else b"SecurityError"
                assert wanted in answer
        told = await finding(bench.session, "ocpp.certificate-cn", "its id is 'CP-9'")
        assert "for 'OTHER', but its id is 'CP-9' and its serial number 'S-77'" in told
        assert bench.session.stations[ID].boot == "Rejected"


@pytest.mark.parametrize(("days", "says"), [(-1, "expired on"), (10, "not valid before")])
async def test_our_own_certificate_out_of_date(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch, days: int, says: str
) -> None:
    folder = tmp_path / "tls"
    made = make(folder, days=-1) if days < 0 else in_days(days, lambda: make(folder))
    security = SecuritySettings(profile=2, certificate=made[1].certificate, key=made[1].key)
    asked = options(tmp_path, profile=Profile(ocpp=OcppSettings(security=security)))
    with pytest.raises(OperatorError, match=f"server.pem cannot be used: {says}") as caught:
        await Bench(asked).start()
    assert "authbench certificates make" in caught.value.cure
    save_profile(asked.profile, tmp_path / "old.toml")
    done = await asyncio.to_thread(command, tmp_path, "serve", "--profile", "old.toml", "--mqtt", "off")
    assert (done.returncode, says in done.stderr) == (2, True)

    # It goes out of date while the bench runs: a station that looks at it says so.
    monkeypatch.setattr(certificates, "problems", lambda *_, **__: [])
    async with secured(tmp_path, security) as bench:
        await finding(bench.session, "ocpp.server-certificate-expired", "this bench's certificate ")
        bench.session.findings.clear()
        if days < 0:  # for the early one its CA is too early, too
            context = client(files, ca=folder / "ca.pem")
            await asyncio.to_thread(spoken, port_of(bench.session), context, GOOD)
            told = await finding(bench.session, "ocpp.server-certificate-expired", "it does not accept")
            assert says in told
        nothing_acted_on(bench)


async def test_our_own_certificate_that_ends_soon(tmp_path: Path) -> None:
    made = make(tmp_path / "tls", days=3)
    security = SecuritySettings(profile=2, certificate=made[1].certificate, key=made[1].key)
    async with secured(tmp_path, security) as bench:
        await finding(bench.session, "ocpp.server-certificate-expired", "this bench's certificate expires on")


@pytest.mark.parametrize(
    ("profile", "says", "said"),
    [
        (0, "no WebSocket handshake", b""),
        (0, "no WebSocket handshake", GOOD[:60]),
        (2, "no TLS handshake", b""),
        (2, "no TLS handshake", hello(3)[:40]),
        (3, "no TLS handshake", hello(3)[:5]),
    ],
)
async def test_one_that_hangs_in_the_handshake(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch, profile: int, says: str, said: bytes
) -> None:
    monkeypatch.setattr(connection_module, "HANDSHAKE_S", 0.1)
    async with secured(tmp_path, settings(files, profile)) as bench:
        async with dialled(bench.session) as plain:
            plain.write(said)
            assert await plain.ended() == b""
        await finding(bench.session, "ocpp.no-handshake", f"connected but finished {says} within")
        nothing_acted_on(bench)
        monkeypatch.undo()
        await let_in(bench, files, profile)


async def test_one_that_hangs_between_tls_and_websocket(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "HANDSHAKE_S", 0.5)
    async with secured(tmp_path, settings(files, 2)) as bench:
        async with dialled(bench.session, client(files)) as plain:
            plain.write(GOOD[:60])
            assert await plain.ended() == b""
        await finding(bench.session, "ocpp.no-handshake", "finished no WebSocket handshake within")
        nothing_acted_on(bench)
