"""What watching costs: CPU time of a whole Weir that watches all there is once a second, less that of one that hardly ever looks."""
import pathlib
import time

import pytest

from harness import PYTHON, TINY_SERVER, wait_until
from test_hosts import node_exporter  # noqa: F401: a fixture

SHARE_MAX = 0.005
SPAN_S = 12


def cpu_ns(pid):
    """Of each thread by its name; threads of the same name are added up."""
    used = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        used[name] = used.get(name, 0) + int((task / "schedstat").read_text().split()[0])
    return used


def cost(w):
    """Seconds of CPU time a second, thread by thread."""
    pids = [w.process.pid, w.worker().pid]
    before, began = [cpu_ns(pid) for pid in pids], time.monotonic()
    time.sleep(SPAN_S)
    after, seconds = [cpu_ns(pid) for pid in pids], time.monotonic() - began
    return {name: (ns - was.get(name, 0)) / 1e9 / seconds for was, now in zip(before, after) for name, ns in now.items()}


@pytest.mark.minutes  # it measures; ./dev test --long
@pytest.mark.plain
@pytest.mark.timeout(180)
def test_watching_costs_half_a_percent_of_a_core_at_most(weir, origin, node_exporter):  # noqa: F811
    """Job threads, collectors, rules and the history's included; the lower of two runs each, for others disturb caches and clocks."""
    port, _, _ = node_exporter
    site = origin()

    def start(**watch):
        return weir(services={"main": {"health": {"interval": "1m"}, "scale": {"command": [PYTHON, TINY_SERVER, "{address}"], "servers": 4}}},
                    watch=watch)

    rarely = start(interval="1h")
    always = start(interval="1s", probes={"page": {"http": f"http://{site.address}/", "interval": "1s"},
                                          "port": {"tcp": site.address, "interval": "1s"}},
                   hosts={"other": {"exporter": f"http://127.0.0.1:{port}/metrics", "interval": "1s"}})
    wait_until(lambda: always.metric("weir_remote_host_up", host="other") == 1, 20, "the other machine")
    wait_until(lambda: always.metric("weir_history_writes_total") >= 1, 30, "a first batch of history")
    runs = [(cost(always), cost(rarely)) for _ in range(2)]
    watching, idle = (min((run[i] for run in runs), key=lambda threads: sum(threads.values())) for i in range(2))
    share = sum(watching.values()) - sum(idle.values())
    print(f"\nwatching everything at 1 s costs {100 * share:.2f} % of a core; thread by thread, with what it costs not to watch:")
    for name in sorted(watching, key=watching.get, reverse=True):
        print(f"  {name:16} {100 * watching[name]:6.3f} %  {100 * idle.get(name, 0):6.3f} %")
    assert share < SHARE_MAX
