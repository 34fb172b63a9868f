"""Fixtures of the flow tests; the words they are told in are in harness.py.

  weir     starts a Weir: weir(services={"main": {"servers": [origin.address]}}, limits={…}); stopped and checked at the end
  origin   starts a recording server: origin(reply=b"…") or origin(script=story_of_a_connection)
  load     starts real clients: load(weir.port, "/work?ms=20", clients=8)
  engine   a Docker Engine of the tests' own (engine.py); skips where none can run

Marks: `plain` only without sanitizers (it measures), `long` not with --quick, `minutes` only with --long,
`timeout(seconds)` instead of 60. run.py lets many tests run at once, `few` of those that use the engine or would be misled by a
busy machine, and those that are `alone` one by one: all that measure.
"""
import os
import signal
import tempfile

import pytest

import engine as engines
import harness

TEST_S = 60


def pytest_configure(config):
    config.addinivalue_line("markers", "plain: only with the plain build: it measures")
    config.addinivalue_line("markers", "long: takes more than some seconds")
    config.addinivalue_line("markers", "minutes: takes minutes; only with --long")
    config.addinivalue_line("markers", "few: beside few other tests; set by itself where a test uses the engine")
    config.addinivalue_line("markers", "alone: not beside other tests; set by itself where a test measures and is not `few`")
    config.addinivalue_line("markers", "timeout(seconds): how long the test may take")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also the tests that take minutes")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        if "engine" in item.fixturenames:
            item.add_marker("few")
            item.add_marker(pytest.mark.xdist_group(item.path.stem))  # one engine a file
        if item.get_closest_marker("plain") and not item.get_closest_marker("few"):
            item.add_marker("alone")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)  # so that none of these is the last to end
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("minutes")]
    items[:] = [item for item in items if not item.get_closest_marker("minutes")]
    config.hook.pytest_deselected(items=left_out)


def pytest_sessionstart(session):
    # Whatever starts a Weir, it keeps what it learns here and not where it would on this machine.
    session.state_directory = tempfile.TemporaryDirectory(prefix="weir-flow-state-")
    os.chmod(session.state_directory.name, 0o755)
    os.environ["STATE_DIRECTORY"] = session.state_directory.name
    if not os.path.exists(harness.binary()):
        pytest.exit(f"there is no {harness.binary()}: run ./dev build, or set WEIR_BINARY", returncode=4)


def pytest_sessionfinish(session):
    if hasattr(session, "state_directory"):
        session.state_directory.cleanup()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for weir in getattr(item, "weirs", []):
            report.sections.append((f"log of weir on port {weir.port}", weir.log()[-6000:]))


def alarm(seconds, what):
    def on_alarm(number, frame):
        raise AssertionError(f"{what} took longer than {seconds} s")

    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(int(seconds))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    mark = item.get_closest_marker("timeout")
    alarm((mark.args[0] if mark else TEST_S) * harness.PATIENCE, item.name)
    yield
    signal.alarm(0)


def make_directory():
    """A folder that other users may enter too: a worker that gave up root must be able to write its reports."""
    with tempfile.TemporaryDirectory(prefix="weir-flow-") as name:
        os.chmod(name, 0o777)
        yield name


directory = pytest.fixture(make_directory, name="directory")
open_directory = pytest.fixture(make_directory, name="open_directory", scope="module")


@pytest.fixture
def weir(request, directory):
    started = []
    request.node.weirs = started

    def start(arguments=None, **options):
        started.append(harness.Weir(directory, arguments, **options))
        return started[-1]

    yield start
    alarm(60 * harness.PATIENCE, "stopping weir")
    try:
        errors = []
        for one in started:
            try:
                one.stop()
            except AssertionError as error:
                errors.append(str(error))
        assert not errors, "\n".join(errors)
    finally:
        signal.alarm(0)


@pytest.fixture
def origin():
    started = []

    def start(reply=b"hello", **options):
        started.append(harness.Origin(reply, **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def load():
    started = []

    def start(port, target="/", **options):
        started.append(harness.Load(port, target, **options))
        return started[-1]

    yield start
    for one in started:
        if one.thread.is_alive():
            one.stop()


@pytest.fixture(scope="session")
def session_engine():
    """One Docker Engine for all tests; started by the first that asks for one."""
    yield from engines.open_engine()


@pytest.fixture
def engine(session_engine):
    """A Docker Engine, in whose network the test and all it starts run. Skips where there can be none."""
    if session_engine.reason:
        pytest.skip(f"no Docker Engine here: {session_engine.reason}")
    with session_engine.inside():
        yield session_engine
        session_engine.clear()
