#!/usr/bin/python3
"""Torture of the data plane: many clients at once against servers that behave randomly, every byte checked.

    torture.py SITE_PORT SERVER_PORT... --seed N --seconds S --clients C     (test_proxy_torture.py runs it in short)

Each request carries a plan, drawn from the seed, in its target: how the server shall answer, or fail. The server does what the
plan says and the client checks that it got exactly the answer to its own request (an id and bytes made from it), or the one kind of
failure that the plan explains. What is checked beyond single answers: a POST is never executed twice, a request with a plan to
succeed succeeds whatever happened before on the connection.

Timing decides how things interleave, never the verdict.
"""
import argparse
import asyncio
import collections
import hashlib
import logging
import random
import sys

TIMEOUT_S = 30

# How an answer is framed, and whether the connection lives on.
FRAMINGS = ["length", "chunked", "close", "http10", "length-close", "chunked-close"]
# What goes wrong: (weight, statuses that the client may see instead of the answer, or "cut": an answer that breaks off)
FAULTS = {
    "none": 30,
    "silent-close": 2,     # reads the request, closes without a byte
    "silent-reset": 1,
    "half-head": 2,        # closes within the head
    "nonsense": 1,         # what is not HTTP
    "cut-close": 2,        # closes within the body
    "cut-reset": 1,
    "early": 3,            # answers before it has read the request's body, then reads on
    "early-close": 1,      # answers before it has read the body, and closes
    "extra": 1,            # more bytes than announced
    "idle-close": 3,       # a right answer; closes the kept connection a little later
}


def bytes_of(key, count):
    """Bytes that only this request's answer has."""
    block = hashlib.sha256(key.encode()).hexdigest().encode()
    return (block * (count // len(block) + 1))[:count]


class Plan:
    """What a request's target says of its answer: /p/ID/FAULT/FRAMING/SIZE/STATUS/INTERIM/DELAY_MS/SPLIT/SEED"""

    def __init__(self, target):
        _, mark, self.id, self.fault, self.framing, size, status, interim, delay, split, seed = target.split("/")
        assert mark == "p"
        self.size, self.status, self.interim = int(size), int(status), int(interim)
        self.delay_s, self.split, self.seed = int(delay) / 1000, int(split), int(seed)

    @staticmethod
    def draw(rng, id):
        fault = rng.choices(list(FAULTS), list(FAULTS.values()))[0]
        framing = rng.choice(FRAMINGS)
        size = rng.choice([0, 1, 100, 1000, 16384, 65536, 65537, 200_000, 1_500_000] if rng.random() < 0.3 else [0, 10, 300, 5000])
        status = rng.choice([200, 200, 200, 200, 404, 204, 304, 500])
        if fault.startswith("cut"):
            status, size = 200, max(size, 1000)
            framing = rng.choice(["length", "chunked"])
        interim = rng.choice([0, 0, 0, 0, 1, 2])
        delay, split = rng.choice([0, 0, 0, 1, 5, 30]), rng.choice([0, 0, 1, 7, 100])
        if fault == "extra":  # in one segment with the answer: what comes later cannot be told from the next answer
            framing, size, split = rng.choice(["length", "chunked"]), 300, 0
        return f"/p/{id}/{fault}/{framing}/{size}/{status}/{interim}/{delay}/{split}/{rng.randrange(1 << 30)}"


# ------------------------------------------------------------------------------------------------ the servers


class Server:
    """Serves plans. `executed` counts what it did for each id of a request that must not be done twice."""

    def __init__(self):
        self.executed = collections.Counter()
        self.errors = []

    async def start(self, port):
        return await asyncio.start_server(self.serve, "127.0.0.1", port, limit=1 << 20)

    async def serve(self, reader, writer):
        try:
            while await self.one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as error:  # whatever arrives that is no request of ours
            self.errors.append(repr(error))
        finally:
            writer.close()

    async def one(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self.errors.append(f"half a head: {error.partial!r}")
            return False
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        fields = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2]]
        fields = {name.lower(): value for name, value in fields}
        if not target.startswith("/p/"):  # a health check
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return True
        plan = Plan(target)
        rng = random.Random(plan.seed)
        if fields[b"x-torture"].decode() != plan.id:
            self.errors.append(f"a field of another request: {head!r}")
        is_early = plan.fault.startswith("early")
        if not is_early:
            await self.read_body(reader, fields, plan)
        self.executed[plan.id] += 1
        if plan.delay_s:
            await asyncio.sleep(plan.delay_s)
        goes_on = await self.answer(writer, plan, method, rng)
        if plan.fault == "early":
            await self.read_body(reader, fields, plan)
        if plan.fault == "idle-close":
            await asyncio.sleep(rng.choice([0, 0, 0.001, 0.02]))
            return False
        return goes_on

    async def read_body(self, reader, fields, plan):
        if b"transfer-encoding" in fields:
            body = b""
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
        else:
            body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        if body != bytes_of("up" + plan.id, len(body)) or len(body) != int(fields[b"x-body"]):
            self.errors.append(f"wrong body for {plan.id}: {len(body)} bytes")

    async def answer(self, writer, plan, method, rng):
        """True when the connection goes on."""
        if plan.fault == "silent-close":
            return False
        if plan.fault == "silent-reset":
            return self.reset(writer)
        if plan.fault == "nonsense":
            writer.write(rng.choice([b"\0\1\2\r\n\r\n", b"HTTP/1.1 99 x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]))
            return False
        head, body, closes = self.message(plan, method)
        text = b"".join(b"HTTP/1.1 103 Early Hints\r\nX-Torture: %s\r\n\r\n" % plan.id.encode() for _ in range(plan.interim))
        if plan.fault == "half-head":
            await self.send(writer, (text + head)[:rng.randrange(1, len(text + head))], plan, rng)
            return False
        if plan.fault.startswith("cut") and method != "HEAD":
            await self.send(writer, text + head + body[:rng.randrange(0, len(body) - 8)], plan, rng)
            return self.reset(writer) if plan.fault == "cut-reset" else False
        if plan.fault == "extra":
            body += b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nextra"
        await self.send(writer, text + head + body, plan, rng)
        return not closes and plan.fault not in ("extra", "early-close")

    def message(self, plan, method):
        payload = bytes_of(plan.id, plan.size)
        has_no_body = method == "HEAD" or plan.status in (204, 304)
        version = b"1.0" if plan.framing == "http10" else b"1.1"
        closes = plan.framing in ("close", "http10", "length-close", "chunked-close")
        head = b"HTTP/%s %d Status\r\nX-Torture: %s\r\n" % (version, plan.status, plan.id.encode())
        if "chunked" in plan.framing and plan.status != 204:
            head += b"Transfer-Encoding: chunked\r\n"
            rng, at, body = random.Random(plan.seed), 0, b""
            pieces = []
            while at < len(payload):
                n = rng.choice([1, 10, 1000, 40000])
                pieces.append(b"%x\r\n%s\r\n" % (len(payload[at:at + n]), payload[at:at + n]))
                at += n
            body = b"".join(pieces) + b"0\r\n" + (b"X-Trailer: %s\r\n" % plan.id.encode() if rng.random() < 0.5 else b"") + b"\r\n"
        else:
            body = payload
            if plan.framing.startswith("length") and plan.status != 204:
                head += b"Content-Length: %d\r\n" % len(payload)
        if closes and plan.framing != "http10":
            head += b"Connection: close\r\n"
        return head + b"\r\n", b"" if has_no_body else body, closes

    async def send(self, writer, data, plan, rng):
        """The bytes in pieces as the plan says: few and large, or some small ones first."""
        at = 0
        for _ in range(8):
            if plan.split == 0 or at >= len(data):
                break
            n = rng.randrange(1, plan.split + 1)
            writer.write(data[at:at + n])
            at += n
            await asyncio.sleep(0)
        writer.write(data[at:])
        await writer.drain()

    @staticmethod
    def reset(writer):
        writer.transport.abort()
        return False


# ------------------------------------------------------------------------------------------------ the clients


class Broken(Exception):
    """The answer is not what it must be: the test fails."""


class Clients:
    def __init__(self, port, seed, server):
        self.port, self.seed, self.server = port, seed, server
        self.is_stopping = False
        self.failures = []
        self.outcomes = collections.Counter()
        self.posts = {}

    async def run(self, index):
        rng = random.Random(f"{self.seed}/{index}")
        number = 0
        while not self.is_stopping:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 21)
            except OSError as error:
                self.failures.append(f"connect: {error}")
                return
            try:
                goes_on = True
                while goes_on and not self.is_stopping:
                    count = rng.choice([1, 1, 1, 1, 2, 5])
                    requests = []
                    for _ in range(count):
                        number += 1
                        requests.append(self.draw(rng, f"{index}-{number}"))
                    goes_on = await asyncio.wait_for(self.batch(rng, reader, writer, requests), TIMEOUT_S)
            except Broken as error:
                self.failures.append(str(error))
            except asyncio.TimeoutError:
                self.failures.append(f"no answer within {TIMEOUT_S} s: {requests}")
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                self.failures.append(f"unexplained end of the connection: {error!r} {requests}")
            finally:
                writer.close()

    def draw(self, rng, id):
        plan = Plan.draw(rng, id)
        method = rng.choice(["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT"])
        body, is_chunked = b"", False
        if method in ("POST", "PUT"):
            body = bytes_of("up" + id, rng.choice([0, 1, 50, 3000, 70_000, 400_000] if rng.random() < 0.4 else [5, 200]))
            is_chunked = rng.random() < 0.5
        return plan, method, body, is_chunked

    def bytes_of_request(self, rng, plan, method, body, is_chunked):
        id = plan.split("/")[2]
        head = f"{method} {plan} HTTP/1.1\r\nHost: torture\r\nX-Torture: {id}\r\nX-Body: {len(body)}\r\n"
        if method in ("GET", "HEAD"):
            return (head + "\r\n").encode()
        if not is_chunked:
            return (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        pieces, at = [(head + "Transfer-Encoding: chunked\r\n\r\n").encode()], 0
        while at < len(body):
            n = rng.choice([1, 100, 5000, 100_000])
            pieces.append(b"%x%s\r\n%s\r\n" % (len(body[at:at + n]), rng.choice([b"", b"", b";a=b"]), body[at:at + n]))
            at += n
        return b"".join(pieces) + b"0\r\n" + rng.choice([b"", b"X-T: v\r\n"]) + b"\r\n"

    async def batch(self, rng, reader, writer, requests):
        """Sends the requests behind each other and checks the answers in turn. True when the connection may be used on."""
        data = b"".join(self.bytes_of_request(rng, *request) for request in requests)
        for plan, method, *_ in requests:
            if method == "POST":
                self.posts[plan.split("/")[2]] = True
        manner = rng.random()
        if manner < 0.03:  # leaves without waiting
            writer.write(data[:rng.randrange(1, len(data) + 1)])
            if rng.random() < 0.5:
                await asyncio.sleep(rng.choice([0, 0.002, 0.02]))
            writer.transport.abort() if rng.random() < 0.5 else writer.close()
            self.outcomes["left"] += 1
            return False
        sending = asyncio.ensure_future(self.send(rng, writer, data))
        try:
            for position, (plan, method, body, _) in enumerate(requests):
                if not await self.check(rng, reader, Plan(plan), method, body):
                    return False
                if manner > 0.99 and position == 0:
                    self.outcomes["left"] += 1
                    return False
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return manner < 0.95

    async def send(self, rng, writer, data):
        at = 0
        if rng.random() < 0.3:
            for _ in range(rng.randrange(1, 6)):
                n = rng.choice([1, 3, 50, 1000])
                writer.write(data[at:at + n])
                at += n
                await asyncio.sleep(rng.choice([0, 0.001]))
        writer.write(data[at:])
        await writer.drain()

    async def check(self, rng, reader, plan, method, body):
        """One answer. True when the connection goes on as far as the answer tells; raises Broken when it is not the right one."""
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                # With its body still on the way an early answer may be lost to a reset; nothing else explains silence.
                if plan.fault.startswith("early") and len(body) > 0:
                    self.outcomes["early lost"] += 1
                    return False
                raise Broken(f"closed without an answer: {vars(plan)} {method} {error!r}") from None
            lines = head.split(b"\r\n")
            status = int(lines[0].split(b" ")[1])
            fields = collections.defaultdict(list)
            for line in lines[1:-2]:
                name, value = line.split(b": ", 1)
                fields[name.lower()].append(value)
            if status >= 200:
                break
            if fields[b"x-torture"] != [plan.id.encode()]:
                raise Broken(f"an interim answer of another request: {head!r} for {plan.id}")
        is_own = b"x-torture" in fields
        if is_own and fields[b"x-torture"] != [plan.id.encode()]:
            raise Broken(f"the answer of another request: {head!r} for {plan.id}")
        try:
            payload = await self.read_body(rng, reader, fields, method, status)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if plan.fault.startswith("cut") or (plan.fault.startswith("early") and len(body) > 0):
                self.outcomes["cut"] += 1
                return False
            raise Broken(f"cut although the plan says {vars(plan)} {method}: {error!r} after {head!r}") from None
        if is_own:
            self.check_own(plan, method, status, payload)
        elif not self.may_fail(plan, method, body, status):
            raise Broken(f"{status} although the plan says {vars(plan)} {method}")
        is_lost = not is_own and plan.fault in ("none", "extra", "idle-close", "early", "early-close")
        self.outcomes[status if is_own else "502: kept connection was closing" if is_lost else "502 as planned"] += 1
        return b"close" not in [value.lower() for value in fields[b"connection"]]

    def check_own(self, plan, method, status, payload):
        if status != plan.status:
            raise Broken(f"status {status}, not {plan.status}, for {plan.id}")
        wanted = b"" if method == "HEAD" or status in (204, 304) else bytes_of(plan.id, plan.size)
        if payload != wanted:
            raise Broken(f"{len(payload)} bytes that are not the {len(wanted)} of {vars(plan)} {method}")
        if plan.fault in ("silent-close", "silent-reset", "nonsense"):
            raise Broken(f"an answer that nobody gave: {vars(plan)}")
        if plan.fault.startswith("cut") and method != "HEAD":
            raise Broken(f"a whole answer that was cut: {vars(plan)}")

    @staticmethod
    def may_fail(plan, method, body, status):
        if status != 502:
            return False
        if plan.fault in ("silent-close", "silent-reset", "half-head", "nonsense") or plan.fault.startswith("cut"):
            return True
        # A kept connection that the server closes at this moment: what may not be sent twice is given up.
        return method in ("POST", "PUT")

    async def read_body(self, rng, reader, fields, method, status):
        if method == "HEAD" or status in (204, 304):
            return b""
        is_slow = rng.random() < 0.05
        if b"transfer-encoding" in fields:
            pieces = []
            while size := int(await reader.readuntil(b"\r\n"), 16):
                pieces.append((await reader.readexactly(size + 2))[:-2])
                if is_slow:
                    await asyncio.sleep(0.001)
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
            return b"".join(pieces)
        if is_slow:
            await asyncio.sleep(0.05)
        return await reader.readexactly(int(fields[b"content-length"][0]))


async def torture(site, servers, seed, seconds, clients):
    server = Server()
    listening = [await server.start(port) for port in servers]
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)  # until Weir is there too
    c = Clients(site, seed, server)
    tasks = [asyncio.ensure_future(c.run(i)) for i in range(clients)]
    await asyncio.sleep(seconds)
    c.is_stopping = True
    await asyncio.wait(tasks, timeout=TIMEOUT_S + 10)
    failures = c.failures + server.errors
    failures += [f"POST {id} was executed {server.executed[id]} times" for id in c.posts if server.executed[id] > 1]
    failures += [repr(task) for task in tasks if not task.done() or task.exception()]
    for one in listening:
        one.close()
    total = sum(c.outcomes.values())
    print(f"{total} answers: {dict(sorted(c.outcomes.items(), key=lambda item: -item[1]))}")
    for failure in failures[:20]:
        print("FAILURE", failure)
    print(f"{len(failures)} failures, seed {seed}", flush=True)
    return 1 if failures or total == 0 else 0


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # who writes to a connection that was reset meant to
    parser = argparse.ArgumentParser()
    parser.add_argument("site", type=int)
    parser.add_argument("servers", type=int, nargs="+")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--clients", type=int, default=40)
    a = parser.parse_args()
    sys.exit(asyncio.run(torture(a.site, a.servers, a.seed, a.seconds, a.clients)))
