"""PostgreSQL under the token store: how it is reached, locked and listened to, and its errors in words an operator can act on."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, event, text

from bench.errors import StoreError

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

DRIVER = "postgresql+psycopg"
DRIVER_CURE = "install it with: pip install 'authbench[postgresql]'"
CONNECT_S = 5
STATEMENT_S = 120
MIGRATE_S = 60
LISTEN_S = 0.5
FIRST_RETRY_S = 0.2
LAST_RETRY_S = 5.0
PORT = 5432
CHANNEL = "authbench_tokens"
_WRITE_LOCK, _MIGRATE_LOCK = 0x41555448_42454E43, 0x41555448_42454E44  # of no meaning beyond being ours
TABLES = ("tokens", "token_changes")

Password = Callable[[], str | None]
Heard = Callable[[StoreError | None], object]


def with_driver(url: URL) -> URL:
    """``postgresql://`` and ``postgres://`` name no driver: ours is psycopg 3."""
    return url.set(drivername=DRIVER) if url.drivername in ("postgresql", "postgres") else url


def secret_name(url: URL) -> str:
    """Under which name the password of that server is kept: ``user@host:port``, as a broker's."""
    return f"{url.username or ''}@{url.host or 'localhost'}:{url.port or PORT}"


def connect_args(busy_timeout_s: float) -> dict[str, Any]:
    """libpq's parameters that keep every wait bounded and every text UTF-8."""
    options = {
        "timezone": "UTC",
        "lock_timeout": max(1, int(busy_timeout_s * 1000)),
        "statement_timeout": STATEMENT_S * 1000,
        "idle_in_transaction_session_timeout": STATEMENT_S * 1000,
    }
    return {
        "connect_timeout": CONNECT_S,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "client_encoding": "utf8",
        "application_name": "authbench",
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }


def ask_password(engine: Engine, password: Password | None) -> None:
    """Where the URL holds none, have the password looked up at every connecting, so that it is kept nowhere here."""

    @event.listens_for(engine, "do_connect")
    def _connecting(_dialect: object, _record: object, _args: object, parameters: dict[str, Any]) -> None:
        if password is not None and "password" not in parameters and (found := password()) is not None:
            parameters["password"] = found


def check_server(connection: Connection, url: URL) -> None:
    """Raises:
    StoreError: the server takes no writes, or the database keeps other characters than Unicode.
    """
    if connection.scalar(text("SHOW transaction_read_only")) == "on":
        raise _read_only(place_of(url))
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise StoreError(
            f"the database {place_of(url)} keeps {encoding}, which has not every character of a token",
            f"create it anew with: createdb --encoding=UTF8 --template=template0 {url.database or 'NAME'}",
        )


def check_rights(connection: Connection, url: URL) -> None:
    """Raises:
    StoreError: this user may not read or not write the tables.
    """
    for table in TABLES:
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            asked = text("SELECT has_table_privilege(current_user, CAST(:table AS text), :right)")
            if not connection.scalar(asked, {"table": table, "right": right}):
                raise _no_right(place_of(url), f"{right} on {table}")
    if not connection.scalar(
        text("SELECT has_sequence_privilege(pg_get_serial_sequence('token_changes', 'number'), 'USAGE')")
    ):
        raise _no_right(place_of(url), "USAGE on the numbers of token_changes")


def take_turn(connection: Connection) -> None:
    """Wait for other benches that write: changes are numbered in the order in which they are committed."""
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})"))


def lock_migration(connection: Connection) -> None:
    """Wait for another bench that brings the database to the newest shape."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{MIGRATE_S}s'"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATE_LOCK})"))


def tell_others(connection: Connection) -> None:
    """Wake the benches that listen, when this transaction is committed."""
    connection.execute(text(f"NOTIFY {CHANNEL}"))


class Listener:
    """A connection on a thread of its own that hears when any bench has written; it connects again by itself.

    heard: called on that thread: with None when something may have changed, with an error when the server is lost.
    """

    def __init__(self, engine: Engine, password: Password | None, heard: Heard) -> None:
        self._engine = engine
        self._password = password
        self._heard = heard
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="token-store-listen", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it: :data:`LISTEN_S`, or :data:`CONNECT_S` where it connects just now."""
        self._ending.set()
        self._thread.join(2 * CONNECT_S)

    def _run(self) -> None:
        import psycopg

        wait_s = FIRST_RETRY_S
        while not self._ending.is_set():
            try:
                with self._connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    wait_s = FIRST_RETRY_S
                    self._heard(None)  # what was missed meanwhile
                    while not self._ending.is_set():
                        for _ in connection.notifies(timeout=LISTEN_S, stop_after=1):
                            self._heard(None)
            except Exception as error:  # whatever it is, a thread that ends here would hear of nothing any more
                if not isinstance(error, psycopg.Error):
                    log.exception("the listener of the token store failed")
                if not self._ending.is_set():
                    self._heard(explain(error, self._engine.url))
            self._ending.wait(wait_s)
            wait_s = min(2 * wait_s, LAST_RETRY_S)

    def _connect(self) -> psycopg.Connection[Any]:
        import psycopg

        arguments, parameters = self._engine.dialect.create_connect_args(self._engine.url)
        found = None if self._password is None or "password" in parameters else self._password()
        secret = {} if found is None else {"password": found}
        made: psycopg.Connection[Any] = psycopg.connect(
            *arguments, **{**parameters, **connect_args(CONNECT_S), **secret}, autocommit=True
        )
        return made


def place_of(url: URL) -> str:
    """The database as messages name it: ``postgresql://user@host/db``, without driver and password."""
    return URL.create("postgresql", url.username, None, url.host, url.port, url.database).render_as_string()


def explain(error: BaseException, url: URL) -> StoreError:
    """An error of libpq or the server in the operator's words."""
    place, said = place_of(url), _first_line(error)
    code = getattr(error, "sqlstate", None) or ""
    for codes, pattern, make in _KNOWN:
        if (code and code.startswith(codes)) or (not code and re.search(pattern, said)):
            return make(place, said, url)
    return StoreError(f"the token store {place} failed: {said}", "look at the log of the database server")


def _first_line(error: BaseException) -> str:
    """What was said, without the address that libpq puts before it and the ``FATAL:``."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return re.sub(r"^(connection failed: )?(connection to .*? failed: )?(\w+:\s+)?", "", lines[0])


def _read_only(place: str) -> StoreError:
    return StoreError(
        f"the server of the token store {place} takes no writes",
        "name the primary server and not a standby, or set default_transaction_read_only to off",
    )


def _no_right(place: str, what: str) -> StoreError:
    return StoreError(
        f"the token store {place} refuses this user: {what}",
        "let the owner of the database open the store once, then GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"
        " and USAGE ON ALL SEQUENCES IN SCHEMA public to this user",
    )


def _unreachable(place: str, said: str, url: URL) -> StoreError:
    return StoreError(
        f"the server of the token store {place} is not reachable: {said}",
        f"start it, or correct host and port ({url.host or 'local socket'}:{url.port or PORT})",
    )


def _wrong_password(place: str, said: str, url: URL) -> StoreError:
    return StoreError(
        f"the server of the token store {place} does not let this user in: {said}",
        f"keep the password with: authbench secret set {secret_name(url)}",
    )


def _no_database(place: str, said: str, url: URL) -> StoreError:
    return StoreError(
        f"there is no database for the token store {place}: {said}",
        f"create it with: createdb --encoding=UTF8 --template=template0 {url.database or 'NAME'}",
    )


Make = Callable[[str, str, URL], StoreError]
# SQLSTATE; what libpq says where it has no code, which is always so while connecting. The first that fits.
_KNOWN: tuple[tuple[tuple[str, ...], str, Make], ...] = (
    (("3D000",), r"database .* does not exist", _no_database),
    (("28",), r"password|authentication|role .* does not exist|pg_hba", _wrong_password),
    (("42501",), r"permission denied", lambda place, said, url: _no_right(place, said)),
    (("25006",), r"read-only", lambda place, said, url: _read_only(place)),
    (
        ("53300",),
        r"too many (clients|connections)|remaining connection slots",
        lambda place, said, url: StoreError(
            f"the server of the token store {place} has no connection left: {said}", "end other clients of that server"
        ),
    ),
    (
        ("53100", "53200"),
        r"No space left",
        lambda place, said, url: StoreError(f"the server of the token store {place} has no room: {said}", "free space"),
    ),
    (
        ("55P03", "40P01", "57014"),
        r"timeout expired$^",
        lambda place, said, url: StoreError(
            f"the token store {place} is kept busy by another bench: {said}", "wait for its import to end, try again"
        ),
    ),
    (
        ("22021", "22P05"),
        r"encoding",
        lambda place, said, url: StoreError(
            f"the database {place} cannot keep a character of this token: {said}", "create it anew with encoding UTF8"
        ),
    ),
    (
        ("57P", "08"),
        r"refused|No such file|translate host|resolve host|timeout|starting up|shutting down|closed|terminat|lost|"
        r"unreachable|reset by peer|EOF|server closed|could not receive|could not send|bad connection",
        _unreachable,
    ),
)
