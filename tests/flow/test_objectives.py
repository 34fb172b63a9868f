"""Objectives: burn rates and error budgets of real traffic, and that they outlive a worker that is killed."""
import sqlite3

from harness import wait_until
from test_watch_alerts import OFF


def objective(w, kind):
    (service,) = w.api("services")["services"]
    return next((o for o in service["objectives"] if o["objective"] == kind), None)


def test_errors_and_slow_requests_use_up_their_budgets(weir, origin):
    server = origin(lambda request: (500, [], b"") if request.target == "/bad" else b"fine")
    w = weir(services={"main": {"servers": [server.address],
                                "objectives": {"availability": "99%", "latency": "p95 < 1s", "period": "7d", "min_bad": 2}}},
             watch={"interval": "100ms", "host": OFF})
    for i in range(100):
        w.ask("GET", "/bad" if i % 20 == 0 else "/")
    available = wait_until(lambda: (o := objective(w, "availability")) and o["budget_left_percent"] == -400 and o, 10,
                           "5 % of a budget of 1 %")
    first = available["windows"][0]
    assert (first["window"], first["short_window"]) == ("1h", "5m") and abs(first["factor"] - 3.36) < 1e-9
    assert abs(first["burn"] - 5) < 1e-9 and abs(first["short_burn"] - 5) < 1e-9, "in periods of its own"
    assert available["target_percent"] == 99 and available["period_seconds"] == 7 * 86400
    fast = objective(w, "latency")
    assert fast["budget_left_percent"] == 100 and fast["latency_seconds"] == 1
    rate = w.metric("weir_error_budget_burn_rate", service="main", objective="availability", window="1h")
    assert abs(rate - 5 * 30 / 7) < 1e-6, "scaled to 30 days"
    assert w.metric("weir_error_budget_left_ratio", service="main", objective="availability") == -4


def test_little_traffic_is_not_enough_to_tell(weir, origin):
    w = weir(services={"main": {"servers": [origin((500, [], b"")).address], "objectives": {"availability": "99.9%"}}},
             watch={"interval": "100ms", "host": OFF})
    for _ in range(9):
        w.ask()
    available = wait_until(lambda: (o := objective(w, "availability")) and o["why_unknown"] == "not enough traffic" and o, 10)
    assert available["budget_left_percent"] is None and available["windows"][0]["burn"] is None
    w.ask()
    wait_until(lambda: objective(w, "availability")["budget_left_percent"] == -99900, 10)


def test_counters_outlive_a_killed_worker(weir, origin):
    server = origin(lambda request: (500, [], b"") if request.target == "/bad" else b"fine")
    w = weir(services={"main": {"servers": [server.address], "objectives": {"availability": "99%", "min_bad": 1}}},
             watch={"interval": "100ms", "host": OFF})
    for i in range(40):
        w.ask("GET", "/bad" if i % 20 == 0 else "/")
    wait_until(lambda: objective(w, "availability")["budget_left_percent"] == -400, 10)

    def is_kept():
        path = next(file for file in w.state_files() if file.name == "weir.db")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            rows = db.execute("SELECT sum(value) FROM minute JOIN series ON id = series WHERE name = 'objective_errors'")
            return rows.fetchone()[0] == 2

    wait_until(is_kept, 30, "the minute in the store", interval=0.5)
    worker = w.worker()
    worker.kill()
    worker.wait()
    w.wait_ready()
    wait_until(lambda: (o := objective(w, "availability")) and o["budget_left_percent"] == -400, 30, "the budget as it was")


def test_a_budget_that_burns_too_fast_is_told(weir, origin):
    w = weir(services={"main": {"servers": [origin((500, [], b"")).address], "objectives": {"availability": "99.9%"}}},
             watch={"interval": "100ms", "host": OFF})
    for _ in range(20):
        w.ask()
    w.wait_log(r"ALERT: Errors use up the error budget too fast", 10)
    alert = wait_until(lambda: next((a for a in w.api("alerts")["alerts"] if a["name"] == "ErrorBudgetBurn1h"), None), 5)
    assert alert["is_active"] and alert["severity"] == "critical"
    assert alert["labels"]["service"] == "main" and alert["labels"]["objective"] == "availability"
