"""Provider `http`: a scaling API is told absolute numbers and asked which servers there are; whatever goes wrong on
the way, the number is right in the end, and nothing else suffers."""

import json
import os
import signal
import subprocess
import time

import pytest
import yaml

from harness import binary, start_weir, wait_until
from scaling_api import ScalingApi, cut, half, hang, lost, status, twice


@pytest.fixture
def api():
    made = []

    def make(**options):
        made.append(ScalingApi(**options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def http(api, **more):
    return {"endpoint": api.url, "provider": "aws", "region": "us-east-1", **more}


def service(api, servers="1..6", engine=(), scale=(), **more):
    return {
        "scale": {
            "servers": servers,
            "engine": {"poll": "200ms", "timeout": "1s", **dict(engine)},
            "http": http(api, **more),
            **dict(scale),
        }
    }


def serving(w, count, name="shop"):
    wait_until(lambda: len(w.servers(name, "serving")) == count, 20, f"{count} servers serve")


def scale(w, count, name="shop"):
    answer = w.post(f"services/{name}/replicas", json.dumps({"count": count}).encode())
    assert answer.status == 200, answer.body


def engine(w, name="shop"):
    return next(s for s in w.api("services")["services"] if s["name"] == name)["scale"]["engine"]


def test_the_number_is_asked_for_exactly_so(weir, api):
    one = api()
    w = weir(services={"shop": service(one, "5..9")})
    serving(w, 5)
    assert one.counts() == ["POST /v1/aws/us-east-1?count=5&scale_up=true"]
    scale(w, 7)
    serving(w, 7)
    scale(w, 6)
    wait_until(lambda: len(one.machines) == 6, 20, "six are left")
    serving(w, 6)
    assert one.counts()[1:] == ["POST /v1/aws/us-east-1?count=7&scale_up=true", "POST /v1/aws/us-east-1?count=6&scale_up=false"]
    assert w.client().ask().body.startswith(b"i-")


def test_method_path_body_fields_and_token(weir, api, tmp_path):
    one = api()
    token = tmp_path / "token"
    token.write_text("a-token-that-nobody-sees\n")
    token.chmod(0o600)
    w = weir(
        services={
            "shop": service(
                one,
                "2..4",
                method="PUT",
                path="/groups/{service}/size?count={count}",
                body='{"size": {count}, "up": {scale_up}, "where": "{region}"}',
                headers=["X-Team: shop"],
                token_file=str(token),
                list={"path": "/groups/{service}", "state": "/state"},
            )
        }
    )
    serving(w, 2)
    method, path, fields, body = next(r for r in one.requests if r[0] == "PUT")
    assert path == "/groups/shop/size?count=2" and body == '{"size": 2, "up": true, "where": "us-east-1"}'
    assert fields["X-Team"] == "shop" and fields["Content-Type"] == "application/json"
    assert all(r[2]["Authorization"] == "Bearer a-token-that-nobody-sees" for r in one.requests)
    assert {r[1] for r in one.requests if r[0] == "GET"} == {"/groups/shop"}
    for told in (w.log(), str(w.api("services")), str(w.api("events"))):
        assert "a-token-that-nobody-sees" not in told


FAULTS = {
    "500": [("count", status(500, b"oops")), ("count", status(503)), ("list", status(500))],
    "lost answers": [("count", lost), ("list", lost), ("count", lost)],
    "half answers": [("list", half), ("count", half), ("list", cut), ("list", half)],
    "duplicates": [("count", twice), ("count", twice)],
    "time-outs": [("count", hang), ("list", hang)],
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.timeout(90)
def test_faults_never_lead_to_a_wrong_number(weir, api, name):
    one = api()
    w = weir(services={"shop": service(one, "2..6")})
    serving(w, 2)
    for wanted in (4, 1, 5):
        with one.lock:
            one.faults += FAULTS[name]
        scale(w, wanted)
        wait_until(lambda: len(one.machines) == wanted, 30, f"{wanted} at the API")
        serving(w, wanted)
    with one.lock:
        one.faults.clear()
    seen = {line.split("count=")[1].split("&")[0] for line in one.counts()}
    assert seen <= {"2", "4", "1", "5"}
    time.sleep(1)
    assert len(one.machines) == 5
    assert len(w.servers("shop")) == 5


def test_retry_after_is_kept(weir, api):
    one = api()
    w = weir(services={"shop": service(one, "1..3")})
    serving(w, 1)
    with one.lock:
        one.faults.append(("count", status(429, b"slow down", Retry_After="3")))
    scale(w, 2)
    wait_until(lambda: len(one.counts()) == 2, 10, "the number was said")
    asked = time.monotonic()
    serving(w, 2)
    assert time.monotonic() - asked > 2.5
    assert one.counts()[1] == one.counts()[2] == "POST /v1/aws/us-east-1?count=2&scale_up=true"


@pytest.mark.parametrize(
    "code, words, fault",
    [
        (402, b"no money", "quota"),
        (409, b"quota of 2 instances reached", "quota"),
        (401, b"who are you", "credentials"),
        (404, b"no such group", "configuration"),
    ],
)
def test_a_refusal_is_told_in_the_apis_words(weir, api, code, words, fault):
    one = api()
    w = weir(services={"shop": service(one, "2..4")},
             watch={"rules": [{"alert": "ProviderFailing", "when": "provider_failing for 1s clear 0 for 1s"}]})
    serving(w, 2)
    one.always["count"] = status(code, words)
    scale(w, 3)
    wait_until(lambda: engine(w)["trouble"], 10, "trouble")
    trouble = engine(w)["trouble"]
    assert trouble["fault"] == fault and trouble["call"] == "set_count"
    assert words.decode() in trouble["text"] and f"status {code}" in trouble["text"]
    wait_until(lambda: any(e["kind"] == "provider_trouble" for e in w.api("events")["events"]), 5, "an event")
    why = w.api("services/shop/explain")["why"]
    assert words.decode() in why
    wait_until(lambda: any(a["name"] == "ProviderFailing" and a["is_active"] for a in w.api("alerts")["alerts"]), 20, "an alert")
    assert w.metric("weir_provider_failures_total", service="shop", fault=fault) >= 1
    assert w.metric("weir_provider_up", service="shop") == 0
    assert len(one.machines) == 2 and len(w.takes_requests()) == 2
    one.always.clear()
    serving(w, 3)
    wait_until(lambda: engine(w)["state"] == "fine", 10, "all is well")


def test_an_engine_that_is_away_stops_nobody_else(weir, api):
    away, other = api(), api()
    shop = {**service(away, "2..4"), "hosts": ["shop.example.com"]}
    till = {**service(other, "1..4"), "hosts": ["till.example.com"]}
    w = weir(services={"shop": shop, "till": till})
    serving(w, 2), serving(w, 1, "till")
    away.always = {"list": status(503), "count": status(503)}
    wait_until(lambda: engine(w)["state"] == "away", 15, "it is away")
    scale(w, 3, "till")
    serving(w, 3, "till")
    for _ in range(20):
        assert w.client().ask(host="shop.example.com").status == 200
    assert {s["state"] for s in w.servers("shop")} == {"serving"}
    assert not [e for e in w.api("events")["events"] if e["kind"] in ("server_died", "server_start_failed")]
    away.always.clear()
    wait_until(lambda: engine(w)["state"] == "fine", 30, "it is back")
    assert len(away.machines) == 2 and away.counts() == ["POST /v1/aws/us-east-1?count=2&scale_up=true"]


def test_an_engine_that_never_answered_starts_nothing_and_is_waited_for(weir, api):
    away, other = api(), api()
    away.always = {"list": status(500)}
    shop = {**service(away, "2..4"), "hosts": ["a.example.com"]}
    w = weir(wait="live", services={"shop": shop, "till": service(other, "1..4")})
    serving(w, 1, "till")
    wait_until(lambda: engine(w)["state"] == "away", 15, "it is away")
    assert away.counts() == [] and w.servers("shop") == []
    away.always.clear()
    serving(w, 2)


def test_servers_outlive_weir_and_are_taken_over(weir, api):
    one = api()
    first = weir(services={"shop": service(one, "1..6")})
    serving(first, 1)
    scale(first, 4)
    serving(first, 4)
    first.stop()
    assert len(one.machines) == 4
    before = one.counts()
    second = weir(services={"shop": service(one, "1..6")})
    serving(second, 4)
    assert one.counts() == before and one.last_id == 4


def test_servers_are_stopped_with_weir_when_that_is_asked_for(weir, api):
    one = api()
    w = weir(services={"shop": service(one, "3..6", engine={"at_exit": "stop"})})
    serving(w, 3)
    w.stop()
    assert len(one.machines) == 0
    assert one.counts()[-1] == "POST /v1/aws/us-east-1?count=0&scale_up=false"


def test_a_worker_that_dies_takes_nothing_with_it(weir, api):
    one = api()
    w = weir(services={"shop": service(one, "3..6")})
    serving(w, 3)
    for _ in range(3):
        scale(w, 5)
        time.sleep(0.3)
        os.kill(w.worker().pid, signal.SIGKILL)
        w.wait_ready()
        wait_until(lambda: len(w.servers("shop", "serving")) == len(one.machines), 20, "all are known")
        scale(w, 3)
        wait_until(lambda: len(one.machines) == 3, 20, "three are left")
        serving(w, 3)


def test_one_that_the_api_ends_gets_nothing_more(weir, api):
    one = api()
    w = weir(services={"shop": service(one, "3..6", list={"state": "/state"})})
    serving(w, 3)
    with one.lock:
        victim = one.machines[1]
        victim.state = "terminating"
    address = f"127.0.0.1:{victim.server_port}"

    def has_left():
        return all(s["state"] in ("draining", "stopping", "gone") for s in w.servers("shop") if s["address"] == address)

    wait_until(has_left, 10, "it is drained")
    for _ in range(30):
        assert w.client().ask().body != victim.name.encode()


def test_pages_are_followed_and_words_explained(weir, api):
    one = api()
    plain = one.listing

    def pages(handler):
        whole = plain()["servers"]
        page = 1 if "page=2" in handler.path else 0
        part = whole[page * 2 : page * 2 + 2]
        items = [{"name": s["id"], "ip": f"127.0.0.1:{s['port']}", "phase": "Up"} for s in part]
        return {"data": {"items": items}, "next": None if page else "/things?page=2"}

    def fault(api, handler, kind):
        handler.answer(body=json.dumps(pages(handler)).encode())
        return True

    one.always["list"] = fault
    listing = {"path": "/things", "items": "/data/items", "id": "/name", "address": "/ip", "next": "/next"}
    listing |= {"state": "/phase", "running": ["Up"]}
    w = weir(services={"shop": service(one, "3..4", list=listing)})
    serving(w, 3)


def test_prices_are_read(weir, api):
    one = api()
    plain = one.listing
    one.listing = lambda: {"servers": [dict(s, eur=0.25 if s["id"] == "i-1" else None) for s in plain()["servers"]]}
    w = weir(services={"shop": service(one, "2..3", list={"price": "/eur"})})
    serving(w, 2)
    wait_until(lambda: sorted(str(s["price_per_hour"]) for s in w.servers("shop")) == ["0.25", "None"], 10, "prices")


def test_a_state_that_nobody_has_explained_is_told(weir, api):
    one = api()
    w = weir(services={"shop": service(one, "1..4", list={"state": "/state"})})
    serving(w, 1)
    one.machines[0].state = "rebooting"
    wait_until(lambda: engine(w)["trouble"], 10, "trouble")
    assert "the state 'rebooting' of server i-1 is in none of" in engine(w)["trouble"]["text"]
    assert len(w.takes_requests()) == 1


def trial(api, tmp_path, health=None, **more):
    """What `weir provider test` says, and its exit status."""
    config = tmp_path / "weir.yaml"
    shop = service(api, "1..6", scale={"start_timeout": "3s"}, **more) | ({"health": health} if health else {})
    config.write_text(yaml.dump({"services": {"shop": shop}}))
    result = subprocess.run([binary(), "provider", "test", "shop", "-c", str(config)], capture_output=True, text=True, timeout=50)
    return result.stdout + result.stderr, result.returncode


def test_a_provider_is_tried_from_the_command_line(api, tmp_path):
    one = api()
    one.set_count(2)
    told, code = trial(one, tmp_path)
    assert code == 0, told
    steps = ["set their number", "list what there is",
             "ask for one more", "wait until it is listed", "takes connections", "ask for one less", "gone", "all well"]
    assert [step for step in steps if step not in told] == []
    assert len(one.machines) == 2
    assert one.counts() == ["POST /v1/aws/us-east-1?count=3&scale_up=true", "POST /v1/aws/us-east-1?count=2&scale_up=false"]


def test_a_trial_that_fails_tells_why_and_leaves_nothing(api, tmp_path):
    one = api()
    one.always["count"] = status(403, b"your key is old")
    told, code = trial(one, tmp_path)
    assert code == 1 and "status 403: your key is old (credentials)" in told and "not all well" in told
    one.always.clear()
    with one.lock:
        one.faults.append(("count", lost))  # done, but nobody was told
    told, code = trial(one, tmp_path)
    assert code == 1 and len(one.machines) == 0
    one.always["list"] = status(500, b"out of order")
    told, code = trial(one, tmp_path)
    assert code == 1 and "out of order (retryable)" in told
    one.always.clear()
    plain = one.listing
    one.listing = lambda: {"servers": [dict(s, port=one.httpd.server_port) for s in plain()["servers"]]}  # has no such page
    told, code = trial(one, tmp_path, health={"path": "/healthz", "status": 204})
    assert code == 1 and "FAILED: not within start_timeout: status 200" in told
    looks = []
    one.listing = lambda: looks.append(0) or {"servers": plain()["servers"] if len(looks) < 4 else []}
    told, code = trial(one, tmp_path, health={"path": "/healthz", "status": 204})
    assert code == 1 and "FAILED: it has ended, and the engine does not say why" in told


def test_an_interrupted_trial_asks_until_the_api_takes_it_back(api, tmp_path):
    one = api()
    one.set_count(2)
    config = tmp_path / "weir.yaml"
    never_well = {"health": {"path": "/healthz", "status": 204}}
    config.write_text(yaml.dump({"services": {"shop": service(one, engine={"timeout": "10s"}) | never_well}}))
    trial = start_weir("provider", "test", "shop", "-c", config)
    wait_until(lambda: len(one.machines) == 3, 20, "one more")
    with one.lock:
        one.faults += [("count", status(503)), ("count", lost), ("count", status(503))]
    trial.send_signal(signal.SIGINT)
    said, _ = trial.communicate(timeout=50)
    assert trial.returncode == -signal.SIGINT and said.endswith("gone\ninterrupted\n"), said
    assert len(one.machines) == 2 and one.faults == []
