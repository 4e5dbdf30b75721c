"""SQLAlchemy with psycopg 3: a pool, checked before use, and its transactions."""

import sqlalchemy as sa

from tests.soak.client import Client


class SqlalchemyClient(Client):
    """The pool has one connection, so that its settings are there in each unit."""

    units = ("look", "one_block", "rolled_back", "read", "many")
    errors = (sa.exc.SQLAlchemyError, OSError)

    def connect(self) -> None:
        self.engine = sa.create_engine(
            self.target.uri("postgresql+psycopg", application_name=self.name),
            pool_size=1,
            max_overflow=0,
            pool_reset_on_return="rollback",
        )
        self.table = sa.table(
            "written", sa.column("id", sa.BigInteger), sa.column("note", sa.Text)
        )
        self.broken = False
        self.engine.connect().close()

    def close(self) -> None:
        if self.connected:
            self.engine.dispose()

    def is_closed(self) -> bool:
        return self.broken

    def state_of(self, error: BaseException) -> str | None:
        """A connection that broke is gone from the pool, its settings too."""
        self.broken = self.broken or getattr(error, "connection_invalidated", True)
        return getattr(getattr(error, "orig", None), "sqlstate", None)

    def ask(self, sql: str) -> list[tuple]:
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(sql.replace("%", "%%"))
            rows = [tuple(row) for row in found] if found.returns_rows else []
            connection.commit()
            return rows

    def one_block(self) -> None:
        rows = self.teller.rows(2)
        with self.engine.begin() as connection:
            for row in rows:
                connection.execute(sa.insert(self.table).values(id=row, note=self.name))
            self.teller.committing()
        self.teller.committed()

    def many(self) -> None:
        rows = self.teller.rows(12)
        with self.engine.begin() as connection:
            values = [{"id": row, "note": self.name} for row in rows]
            connection.execute(sa.insert(self.table), values)
            counted = sa.select(sa.func.count()).where(self.table.c.id.in_(rows))
            self.expect(connection.scalar(counted), len(rows))
            self.teller.committing()
        self.teller.committed()

    def rolled_back(self) -> None:
        (row,) = self.teller.rows(1)
        with self.engine.connect() as connection:
            connection.execute(sa.insert(self.table).values(id=row, note=self.name))
            connection.rollback()
        self.teller.rolled_back()

    def read(self) -> None:
        with self.engine.connect() as connection:
            seen = connection.scalar(sa.text(f"SELECT {self.number} - :n"), {"n": 3})
        self.expect(seen, self.number - 3)
