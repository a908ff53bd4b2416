"""Orders in one SQLite file, that the catalogue and the job worker share."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from geoscope.catalogue.orders.models import (
    LIVE,
    WAITING,
    Order,
    OrderPage,
    OrderState,
    Product,
    SourceFile,
    fingerprint,
    utc_now,
)
from geoscope.errors import InvalidInputError, SetupError, TooManyError, UnavailableError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 10.0

_IS_WAITING = f"state IN ({', '.join(f"'{state}'" for state in WAITING)})"
_IS_LIVE = f"state IN ({', '.join(f"'{state}'" for state in LIVE)})"


class SqliteOrders:
    """An `OrderStore` in one SQLite file.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made if they are not there.

    Raises
    ------
    SetupError
        If the file cannot be opened, or belongs to a newer version of the platform.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                _prepare(connection, path)
        except (OSError, sqlite3.Error) as error:
            raise SetupError(f"The orders {path} cannot be opened: {error}.") from error

    def place(self, order: Order, most_waiting: int) -> Order:
        """Keep a new order, unless a live one of the same owner has the same request: then return that."""
        row = _row(order)
        with self._change() as connection:
            same = connection.execute(
                f"SELECT * FROM orders WHERE fingerprint = ? AND {_IS_LIVE}",  # noqa: S608 (constant)
                (row["fingerprint"],),
            ).fetchone()
            if same is not None:
                return _order(same)
            (waiting,) = connection.execute(
                f"SELECT count(*) FROM orders WHERE owner = ? AND {_IS_WAITING}",  # noqa: S608 (constant)
                (order.owner,),
            ).fetchone()
            if waiting >= most_waiting:
                raise TooManyError(
                    f"{waiting} of your orders are not delivered yet.", "Wait for one, or cancel one."
                )
            names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
            connection.execute(f"INSERT INTO orders ({names}) VALUES ({places})", row)  # noqa: S608 (names of columns)
        return order

    def same_as(self, order: Order) -> Order | None:
        """Return the live order of the same owner with the same request, if there is one."""
        with self._read() as connection:
            row = connection.execute(
                f"SELECT * FROM orders WHERE fingerprint = ? AND {_IS_LIVE}",  # noqa: S608 (constant)
                (fingerprint(order),),
            ).fetchone()
        return None if row is None else _order(row)

    def order(self, id_: str, owner: str | None = None) -> Order | None:
        """Return an order, or None if there is none or it is not this owner's."""
        with self._read() as connection:
            row = connection.execute("SELECT * FROM orders WHERE id = ?", (id_,)).fetchone()
        return None if row is None or (owner is not None and row["owner"] != owner) else _order(row)

    def orders(
        self, owner: str, limit: int, after: str | None = None, states: Sequence[OrderState] = ()
    ) -> OrderPage:
        """Return a page of an owner's orders, newest first; `after` is the end of the page before."""
        wanted = "owner = ?"
        values: list[object] = [owner]
        if states:
            wanted += f" AND state IN ({', '.join('?' * len(states))})"
            values += states
        with self._read() as connection:
            (matched,) = connection.execute(
                f"SELECT count(*) FROM orders WHERE {wanted}",  # noqa: S608 (constant parts)
                values,
            ).fetchone()
            if after is not None:
                end = connection.execute(
                    "SELECT created, id FROM orders WHERE id = ? AND owner = ?", (after, owner)
                ).fetchone()
                if end is None:
                    raise InvalidInputError(
                        "token: not of this list.", "Follow the link 'next' of the page before."
                    )
                wanted += " AND (created, id) < (?, ?)"
                values += [end["created"], end["id"]]
            rows = connection.execute(
                f"SELECT * FROM orders WHERE {wanted} ORDER BY created DESC, id DESC LIMIT ?",  # noqa: S608 (constant parts)
                [*values, limit + 1],
            ).fetchall()
        found = [_order(row) for row in rows[:limit]]
        return OrderPage(found, matched, found[-1].id if len(rows) > limit else None)

    def waiting(self, limit: int) -> list[Order]:
        """Return orders that are not delivered yet, those first that were looked at longest ago."""
        with self._read() as connection:
            rows = connection.execute(
                f"SELECT * FROM orders WHERE {_IS_WAITING} ORDER BY updated LIMIT ?",  # noqa: S608 (constant)
                (limit,),
            ).fetchall()
        return [_order(row) for row in rows]

    def assign(self, id_: str, job: str, *, is_retry: bool = False) -> None:
        """Note the job that works on an order; a retry counts as an attempt that failed."""
        self._update(
            id_,
            "job = :job, attempts = attempts + :retries, look_again = NULL, updated = :now",
            job=job,
            retries=int(is_retry),
        )

    def pass_on(self, id_: str, reference: str, look_again: datetime, message: str) -> bool:
        """Note where the order stands at its backend; False if it is not waited for any more."""
        return self._update(
            id_,
            "reference = :reference, look_again = :look_again, message = :message, updated = :now",
            reference=reference,
            look_again=_text(look_again),
            message=message,
        )

    def begin(self, id_: str) -> Order | None:
        """Note that an order is shipping, from its first byte; None if it is not waiting any more."""
        is_waiting = self._update(
            id_,
            "state = 'shipping', message = '', bytes_done = 0, bytes_total = NULL, "
            "started = coalesce(started, :now), updated = :now",
        )
        return self.order(id_) if is_waiting else None

    def report(self, id_: str, done: int, total: int | None, message: str) -> bool:
        """Note how far an order is; False if it is not waited for any more."""
        return self._update(
            id_,
            "bytes_done = :done, bytes_total = :total, message = :message, updated = :now",
            done=done,
            total=total,
            message=message,
        )

    def succeed(self, id_: str, product: Product, expires: datetime) -> bool:
        """Note what was delivered; False if the order was not waited for any more."""
        return self._update(
            id_,
            "state = 'succeeded', message = '', bytes_done = :size, bytes_total = :size, "
            "product = :product, expires = :expires, finished = :now, updated = :now",
            size=product.size,
            product=_json(asdict(product)),
            expires=_text(expires),
        )

    def fail(self, id_: str, message: str) -> bool:
        """Note why an order cannot be delivered; False if it was not waited for any more."""
        return self._update(
            id_, "state = 'failed', message = :message, finished = :now, updated = :now", message=message
        )

    def cancel(self, id_: str) -> bool:
        """Note that an order, or what it delivered, is not wanted any more; False if it has ended."""
        with self._change() as connection:
            done = connection.execute(
                "UPDATE orders SET state = iif(state = 'succeeded', 'expired', 'canceled'), message = '', "  # noqa: S608 (constant)
                "finished = coalesce(finished, :now), updated = :now "
                f"WHERE id = :id AND {_IS_LIVE}",
                {"id": id_, "now": _text(utc_now())},
            )
            return done.rowcount > 0

    def expire(self, now: datetime) -> int:
        """Mark the delivered orders whose time is over, and return how many there were."""
        with self._change() as connection:
            return connection.execute(
                "UPDATE orders SET state = 'expired', updated = :now "
                "WHERE state = 'succeeded' AND expires <= :now",
                {"now": _text(now)},
            ).rowcount

    def live(self, ids: Sequence[str]) -> set[str]:
        """Return those of some ids whose products are, or may soon be, needed."""
        with self._read() as connection:
            rows = connection.execute(
                f"SELECT id FROM orders WHERE {_IS_LIVE} AND id IN (SELECT value FROM json_each(?))",  # noqa: S608 (constant)
                (_json(list(ids)),),
            ).fetchall()
        return {row["id"] for row in rows}

    def bytes_of(self, owner: str) -> int:
        """Return the size of all products that are kept for an owner."""
        with self._read() as connection:
            (size,) = connection.execute(
                "SELECT coalesce(sum(bytes_done), 0) FROM orders WHERE owner = ? AND state = 'succeeded'",
                (owner,),
            ).fetchone()
        return int(size)

    def _update(self, id_: str, changes: str, **values: object) -> bool:
        """Change an order that is still waited for; tell whether it was."""
        with self._change() as connection:
            done = connection.execute(
                f"UPDATE orders SET {changes} WHERE id = :id AND {_IS_WAITING}",  # noqa: S608 (constant parts)
                values | {"id": id_, "now": _text(utc_now())},
            )
            return done.rowcount > 0

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise UnavailableError(
                f"The orders cannot be used now: {error}.", "Nothing was changed; try again later."
            ) from error

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._read() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        # An order that was answered is on the disk, whatever happens to the power.
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise SetupError(
            f"The orders {path} have schema {version}; this platform knows {SCHEMA_VERSION}.",
            "A newer version wrote them: use that version, or another data folder.",
        )
    connection.execute("PRAGMA journal_mode = WAL")
    if version < SCHEMA_VERSION:
        connection.executescript(files(__package__).joinpath("orders.sql").read_text())


def _row(order: Order) -> dict[str, Any]:
    as_they_are = ("id", "owner", "collection", "backend", "message", "reference")
    kept = {name: getattr(order, name) for name in as_they_are}
    return kept | {
        "fingerprint": fingerprint(order),
        "request": _json(order.request),
        "item": _json(order.item),
        "sources": _json([asdict(source) for source in order.sources]),
        "created": _text(order.created),
        "updated": _text(order.updated),
        "state": order.state,
    }


def _order(row: sqlite3.Row) -> Order:
    kept = {name: row[name] for name in row.keys() if name != "fingerprint"}  # noqa: SIM118 (a row iterates over values)
    times = ("created", "updated", "started", "finished", "expires", "look_again")
    kept |= {name: _moment(kept[name]) for name in times}
    kept["state"] = OrderState(kept["state"])
    kept["request"], kept["item"] = orjson.loads(kept["request"]), orjson.loads(kept["item"])
    kept["sources"] = tuple(SourceFile(**source) for source in orjson.loads(kept["sources"]))
    kept["product"] = Product(**orjson.loads(kept["product"])) if kept["product"] else None
    return Order(**kept)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
