"""Weir over synthetic servers of known capacity, in real time: nothing is lost, what is learned is true, and the simulator is right.

Verdicts are on counts and ratios, never on how fast the machine is. The ten minutes run only with `./dev test --long`.
"""
import statistics

import pytest

from harness import PATIENCE
from synthetic import Scene, day, run_live, steps, story


@pytest.mark.plain
@pytest.mark.long
@pytest.mark.few
@pytest.mark.timeout(150)
def test_capacity_and_start_time_are_learned_and_nothing_is_lost(weir, directory):
    """Two servers at most, which 36 requests a second keep nine tenths busy: what they carry must show."""
    scene = Scene(places=4, service="200ms", start_delay="3s", servers="1..2", objective="p99 < 1s")
    w = weir(services=scene.services)
    report, watcher, events = run_live(directory, scene, steps((10, 8), (10, 16), (10, 26), (20, 36), (10, 24)), weir=w)
    row, told = watcher.rows[-1], story(events)
    assert report["failed"] == 0, f"{report['failures']}\n{told}"
    assert report["requests"] > 900, report["requests"]
    assert row["starts"] >= 1 and 2.9 <= row["start_s"] <= 3.3 + 0.3 * PATIENCE, f"{row}\n{told}"
    assert row["source"] == "learned" and 3 <= row["capacity"] <= 5, f"{row}\n{told}"


@pytest.mark.plain
@pytest.mark.long
@pytest.mark.few
@pytest.mark.timeout(150)
def test_slow_database_does_not_multiply_servers(weir, directory):
    """A database that does four at once, whatever the number of servers: 20 requests a second, and 28 come."""
    scene = Scene(places=8, service="200ms", start_delay="1s", servers="1..40", objective="p99 < 1s",
                  shared=f"{directory}/database", shared_places=4)
    w = weir(services=scene.services)
    report, watcher, events = run_live(directory, scene, steps((20, 8), (30, 28), (10, 4)), weir=w)
    told = story(events)
    assert report["failed"] == 0, f"{report['failures']}\n{told}"
    most = max(r["servers"] for r in watcher.rows)
    assert most < 40, f"{most} servers for a slow database\n{told}"
    assert any(r["bound"] == "bottleneck" for r in watcher.rows), told


@pytest.mark.plain
@pytest.mark.minutes
@pytest.mark.timeout(900)
def test_ten_minutes_as_the_simulator_says(weir, directory):
    """The simulator's own server-hours differ from seed to seed, so the live ones are compared with their range."""
    scene = Scene(places=4, service="lognormal:200ms:0.5", start_delay="5s", servers="1..40", objective="p99 < 1s")
    rates = day(10, 8, 160, seed=2)
    rows = [scene.simulate(directory, rates, 5, "200ms,0.5", seed)[0] for seed in range(1, 8)]
    w = weir(services=scene.services)
    report, watcher, events = run_live(directory, scene, rates, seed=2, weir=w)
    told, hours = story(events), [row["server_hours"] for row in rows]
    assert report["failed"] == 0, f"{report['failures']}\n{told}"
    violations = statistics.median(row["violations"] for row in rows)
    assert abs(report["violations"] - violations) <= 0.02, f"live {report['violations']:.4f}, simulated {violations:.4f}\n{told}"
    assert 0.9 * min(hours) <= watcher.server_hours <= 1.1 * max(hours), f"live {watcher.server_hours:.3f}, simulated {hours}"
    assert abs(watcher.at(120)["start_s"] / 5 - 1) <= 0.1, watcher.at(120)
    assert abs(watcher.at(120)["capacity"] / 4 - 1) <= 0.1, watcher.at(120)
