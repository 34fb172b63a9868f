"""Requests that two parsers could read differently get an error and a closed connection, and never reach a server.

The rows are in malformed.json: {"name", "request", "status"}; each character of `request` is a byte (latin-1). All go through one
Weir, so that the whole table takes a moment, and each is followed by a canary that shows that nothing was left over.
"""
import json
import pathlib

import pytest

import harness

TABLE = pathlib.Path(__file__).with_name("malformed.json")
ROWS = json.loads(TABLE.read_text()) if TABLE.exists() else []


@pytest.fixture(scope="module")
def story(open_directory):
    directory = open_directory
    origin = harness.Origin(b"reached")
    weir = harness.Weir(directory, services={"main": {"servers": [origin.address]}}, timeouts={"head": "2s", "body": "2s"})
    yield weir, origin
    weir.stop()
    origin.close()


def test_the_table_is_large():
    assert len(ROWS) >= 110
    assert len({row["name"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row["name"].replace(" ", "-") for row in ROWS])
def test_malformed(story, row):
    weir, origin = story
    before = len(origin.requests)
    client = weir.client(timeout=5)
    client.send(row["request"])
    try:
        response = client.response("GET")
        assert response.status == row["status"], response
        if row["status"] >= 400:
            # A 400 ends the connection: what follows on it cannot be told apart from the broken message.
            client.half_close()
            assert client.to_eof() == b""
    finally:
        client.close()
    if row["status"] >= 400:
        new = origin.requests[before:]
        # The head of a request whose *body* is malformed may have gone out; but it never ends as a whole request.
        assert not any(request.body or request.trailers.pairs for request in new), new
        assert not any("smuggled" in request.target for request in new), new
    canary = weir.ask("GET", "/canary")
    assert canary.status == 200 and canary.body == b"reached"
    assert [r.target for r in origin.requests[before:]].count("/canary") == 1


def test_nothing_ambiguous_arrived(story):
    """The recording server parses strictly itself: its list of complaints holds only connections that were cut."""
    weir, origin = story
    weir.ask("GET", "/last")
    assert all(error.startswith("cut short") for error in origin.errors), origin.errors
    for raw in origin.received:
        assert b"smuggled" not in raw
