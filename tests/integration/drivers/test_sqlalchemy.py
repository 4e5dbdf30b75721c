"""SQLAlchemy 2 over psycopg, psycopg2 and asyncpg, with its defaults."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext import asyncio as sa_async

from tests.support.target import Target


class Base(orm.DeclarativeBase):
    """The models of this file."""


class Seller(Base):
    __tablename__ = "seller"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    products: orm.Mapped[list["Product"]] = orm.relationship(
        back_populates="seller", cascade="all, delete-orphan"
    )


class Product(Base):
    __tablename__ = "product"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    title: orm.Mapped[str]
    price: orm.Mapped[int]
    seller_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("seller.id"))
    seller: orm.Mapped[Seller] = orm.relationship(back_populates="products")


@pytest.fixture(params=["psycopg", "psycopg2"])
def engine(request: pytest.FixtureRequest, target: Target):
    one = sa.create_engine(target.uri(f"postgresql+{request.param}"), pool_pre_ping=True)
    Base.metadata.drop_all(one)
    Base.metadata.create_all(one)
    yield one
    one.dispose()


def test_orm_life_of_objects(engine) -> None:
    with orm.Session(engine) as session:
        seller = Seller(name="Ada")
        seller.products = [Product(title=f"p{n}", price=n) for n in range(20)]
        session.add(seller)
        session.commit()
    with orm.Session(engine) as session:
        found = session.scalars(
            sa.select(Product).where(Product.price > 15).order_by(Product.price)
        ).all()
        assert [product.title for product in found] == ["p16", "p17", "p18", "p19"]
        found[0].price = 100
        session.delete(found[1])
        session.commit()
        total = session.scalar(sa.select(sa.func.sum(Product.price)))
        assert total == sum(range(20)) - 16 - 17 + 100
        assert found[0].seller.name == "Ada"


def test_rollback_and_savepoints(engine) -> None:
    with orm.Session(engine) as session:
        session.add(Seller(id=1, name="one"))
        with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
            session.execute(sa.insert(Seller).values(id=1, name="same"))
        session.commit()
    with orm.Session(engine) as session:
        session.add(Seller(id=2, name="two"))
        session.flush()
        session.rollback()
        assert session.scalars(sa.select(Seller.name)).all() == ["one"]


def test_pool_reuses_and_pings(engine) -> None:
    for number in range(20):
        with engine.connect() as connection:
            assert connection.scalar(sa.select(sa.literal(number))) == number


def test_bulk_insert_and_stream(engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.insert(Seller), [{"id": number, "name": f"s{number}"} for number in range(1, 1501)]
        )
    with engine.connect().execution_options(stream_results=True) as connection:
        streamed = connection.execute(sa.select(Seller.id)).yield_per(100)
        assert sum(row.id for row in streamed) == 1500 * 1501 // 2


def test_reflection(engine) -> None:
    inspector = sa.inspect(engine)
    assert "product" in inspector.get_table_names()
    assert inspector.get_foreign_keys("product")[0]["referred_table"] == "seller"


def test_isolation_level_of_one_transaction(engine) -> None:
    options = {"isolation_level": "SERIALIZABLE"}
    with engine.connect().execution_options(**options) as connection:
        assert connection.scalar(sa.text("SHOW transaction_isolation")) == "serializable"
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SHOW transaction_isolation")) == "read committed"


def test_asyncpg_engine(target: Target) -> None:
    async def work() -> list[str]:
        engine = sa_async.create_async_engine(target.uri("postgresql+asyncpg"), pool_pre_ping=True)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
            await connection.run_sync(Base.metadata.create_all)
        session_of = sa_async.async_sessionmaker(engine, expire_on_commit=False)
        async with session_of() as session:
            session.add_all([Seller(name=f"s{number}") for number in range(10)])
            await session.commit()

        async def one(number: int) -> str:
            async with session_of() as session:
                query = sa.select(Seller).where(Seller.name == f"s{number}")
                return (await session.scalars(query)).one().name

        names = await asyncio.gather(*(one(number) for number in range(10)))
        await engine.dispose()
        return names

    assert asyncio.run(asyncio.wait_for(work(), 60)) == [f"s{number}" for number in range(10)]
