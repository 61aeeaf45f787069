"""Databases of one's own for tests whose transactions must be real: races, processes, outages.

Django's way, emptying one shared database after each such test, would also delete what the
migrations put in, and would wait for the connections of processes that still run.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import environ
import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pytest_django import DjangoDbBlocker

from config.broker import install_broker

PARTS = ("HOST", "PORT", "USER", "PASSWORD", "NAME")
numbers = itertools.count(1)


def conninfo(url: str) -> str:
    """Return the address in `url` as libpq reads it."""
    parts = read_parts(url)
    return make_conninfo(
        host=parts["HOST"] or None,
        port=parts["PORT"] or None,
        user=parts["USER"] or None,
        password=parts["PASSWORD"] or None,
        dbname=parts["NAME"],
    )


def read_parts(url: str) -> dict[str, str]:
    """Return what Django's settings call the parts of a database's address."""
    read: dict[str, Any] = dict(environ.Env.db_url_config(url))
    # A Unix socket's folder can only come as a parameter.
    read["HOST"] = read.get("OPTIONS", {}).get("host", read["HOST"])
    return {part: str(read[part]) for part in PARTS}


def sibling_url(name: str) -> str:
    """Return the `DATABASE_URL` of the database `name` on the tests' server."""
    parts = read_parts(os.environ["DATABASE_URL"])
    user = quote(parts["USER"], safe="")
    if parts["PASSWORD"]:
        user += ":" + quote(parts["PASSWORD"], safe="")
    where = {key.lower(): parts[key] for key in ("HOST", "PORT") if parts[key]}
    return f"postgres://{user}@/{name}?{urlencode(where)}"


@contextmanager
def django_on(url: str) -> Iterator[None]:
    """Have Django's default connection, in every thread, lead to the database at `url`."""
    connections.close_all()
    settings = connection.settings_dict
    before = {part: settings[part] for part in PARTS}
    settings.update(read_parts(url))
    try:
        yield
    finally:
        connections.close_all()
        settings.update(before)


def execute_on_server(statement: sql.Composed) -> None:
    """Run a statement that must stand outside any transaction and any database of the tests."""
    with psycopg.connect(
        conninfo(os.environ["DATABASE_URL"]), dbname="postgres", autocommit=True
    ) as server:
        server.execute(statement)


def migrate(url: str) -> None:
    """Make the database at `url` what `make run` makes it: migrated, and with the broker in it."""
    with django_on(url):
        call_command("migrate", interactive=False, verbosity=0)
    install_broker(conninfo(url))


def drop_database(name: str) -> None:
    """Drop the database, whoever is connected to it."""
    execute_on_server(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name)))


@contextmanager
def only_read(url: str) -> Iterator[None]:
    """Have the database at `url` be read-only for every connection that is opened in the block."""
    setting = sql.SQL("ALTER DATABASE {} {} default_transaction_read_only {}")
    name = sql.Identifier(read_parts(url)["NAME"])
    with psycopg.connect(conninfo(url), autocommit=True) as server:
        server.execute(setting.format(name, sql.SQL("SET"), sql.SQL("= on")))
        try:
            yield
        finally:
            server.execute(setting.format(name, sql.SQL("RESET"), sql.SQL("")))


@pytest.fixture(scope="session")
def database_template(django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Return the name of a migrated database: copying it is many times faster than migrating."""
    name = f"switchboard_template_{os.getpid()}"
    execute_on_server(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        with django_db_blocker.unblock():
            migrate(sibling_url(name))
        yield name
    finally:
        drop_database(name)


@contextmanager
def create_database(template: str) -> Iterator[str]:
    """Have a fresh copy of the database `template` for the block; gives its `DATABASE_URL`."""
    name = f"switchboard_own_{os.getpid()}_{next(numbers)}"
    execute_on_server(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )
    try:
        yield sibling_url(name)
    finally:
        drop_database(name)


@pytest.fixture
def own_database(database_template: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Return the `DATABASE_URL` of a fresh database, and have the test's own Django use it."""
    with create_database(database_template) as url, django_db_blocker.unblock(), django_on(url):
        yield url
