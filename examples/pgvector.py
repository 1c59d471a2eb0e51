"""Reads shards of ``ragbridge embed`` into a table of PostgreSQL with pgvector: ``python pgvector.py OUT URL TABLE``."""

from __future__ import annotations

import json
import sys

import psycopg
import shards
from psycopg import sql


def load(connection: psycopg.Connection, out: str, table: str) -> int:
    """Write all rows in one transaction, and return how many there are. Running it again replaces rows with themselves."""
    count, name = 0, sql.Identifier(table)
    with connection.transaction():
        for numbers, vectors, rows in shards.read(out):
            if not count:
                connection.execute("create extension if not exists vector")
                width = sql.Literal(vectors.shape[1])
                columns = sql.SQL(
                    "create table if not exists {} (id bigint primary key, row jsonb, embedding vector({}))"
                )
                connection.execute(columns.format(name, width))
                connection.execute(
                    "create temporary table new (id bigint, row jsonb, embedding text) on commit drop"
                )
            with connection.cursor().copy("copy new from stdin") as copy:
                for number, vector, row in zip(numbers, vectors, rows, strict=True):
                    copy.write_row((number, json.dumps(row, default=str), json.dumps(vector.tolist())))
            count += len(numbers)
        if count:
            insert = sql.SQL(
                "insert into {} select id, row, embedding::vector from new "
                "on conflict (id) do update set row = excluded.row, embedding = excluded.embedding"
            )
            connection.execute(insert.format(name))
    return count


if __name__ == "__main__":
    out, url, table = sys.argv[1:]
    with psycopg.connect(url) as connection:
        print(f"{load(connection, out, table):,} rows")
