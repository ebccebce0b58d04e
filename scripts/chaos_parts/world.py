"""The things a scenario is made of: servers of known capacity, weir, and load; each started, watched and ended by its process id."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress

from processes import end, free_ports, pinned

TICK = 0.25   # seconds between two looks at weir's status


def program(variable):
    path = os.environ.get(variable) or "build/release/" + variable.lower().removeprefix("weir_")
    if not os.access(path, os.X_OK):
        raise SystemExit(f"chaos: no {path}: run `make`, or set {variable}")
    return path


class Origin:
    """One server. What it counted is kept over a kill -9, read just before it."""

    def __init__(self, name, service="", cpu=None):
        self.name, self.service, self.cpu, self.process = name, service, cpu, None
        self.port = free_ports(1)[0]
        self.address = f"127.0.0.1:{self.port}"
        self.earlier, self.requests_before, self.offset = [], 0, 0
        self.start()

    def start(self):
        command = [program("WEIR_ORIGIN"), "--port", str(self.port), "--name", self.name]
        if self.service:
            command += ["--service", self.service]
        self.process = subprocess.Popen(pinned(command, self.cpu), stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("listening on "):
            raise SystemExit(f"chaos: origin {self.name} does not start")
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)   # kept open: it works while the origin refuses

    def control(self, path):
        self.line.request("GET", "/control" + path)
        answer = self.line.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f"chaos: origin: {path}: {text.strip()}")
        return text

    def reset(self):
        self.control("/reset")
        self.earlier, self.requests_before, self.offset = [], 0, 0

    def kill(self):
        self.earlier, self.requests_before = self.seconds(), self.requests()
        self.process.kill()
        self.process.wait()

    def restart(self, at):
        self.start()
        self.offset = round(at)

    def signal(self, number):
        self.process.send_signal(number)

    def stats(self):
        return json.loads(self.control("/stats"))

    def requests(self):
        return self.requests_before + (self.stats()["requests"] if self.process.poll() is None else 0)

    def seconds(self):
        """Requests in each second since reset()."""
        if self.process.poll() is not None:
            return self.earlier
        counts = [each["requests"] for each in json.loads(self.control("/seconds"))]
        return (self.earlier + [0] * (self.offset - len(self.earlier)))[:self.offset or None] + counts

    def stop(self):
        end(self.process, signal.SIGTERM)
        self.process.stdout.close()


class Weir:
    """weir with a configuration; {port} in it is where it listens. The admin listener is added to look at /status."""

    def __init__(self, directory, configuration, cpu=None):
        self.port, self.admin = free_ports(2)
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, "conf")
        with open(self.path, "w") as f:
            f.write(f"admin 127.0.0.1:{self.admin};\naccess_log /dev/null;\n"
                    + configuration.replace("{port}", str(self.port)))
        self.errors = open(os.path.join(directory, "errors"), "wb")
        self.process = subprocess.Popen(pinned([program("WEIR"), "-f", self.path], cpu), stdin=subprocess.DEVNULL,
                                        stdout=self.errors, stderr=self.errors)
        for _ in range(1000):
            if self.process.poll() is not None:
                with open(self.errors.name) as f:
                    raise SystemExit("chaos: weir does not start:\n" + f.read())
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.01)
        raise SystemExit("chaos: weir does not listen")

    def status(self):
        """What /status says, or None."""
        with suppress(OSError, ValueError, http.client.HTTPException):
            line = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=1)
            try:
                line.request("GET", "/status")
                return json.loads(line.getresponse().read())
            finally:
                line.close()
        return None

    def cpu_seconds(self):
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with suppress(OSError), open(f"/proc/{self.process.pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def stop(self):
        end(self.process, signal.SIGINT)   # a drain of two seconds at most
        self.errors.close()


class Run:
    """What one load found: `phases` by their labels, each with the times of the answers that were good."""

    def __init__(self, report, phases, samples, marks, origins):
        self.report, self.samples, self.marks = report, samples, marks
        self.kinds = {kind["name"]: kind for kind in report["kinds"]}
        self.phases = {}
        for (label, length, factor), step in zip(phases, report["steps"]):
            step.update(label=label, length=length, factor=factor, p50=step["ok_latency_us"]["p50"] / 1e3,
                        p99=step["ok_latency_us"]["p99"] / 1e3)
            self.phases[label] = step
        self.wanted = sum(step["wanted"] for step in report["steps"])
        self.ok = sum(step["ok"] for step in report["steps"])
        self.per_origin = {origin.name: origin.seconds() for origin in origins}
        self.tries = sum(origin.requests() for origin in origins)

    def share(self, name, begin, until):
        """Of the requests that the servers saw in those seconds, the share of one."""
        seen = {each: sum(counts[begin:until]) for each, counts in self.per_origin.items()}
        return seen[name] / max(1, sum(seen.values()))

    def servers(self):
        """(time, {server: (breaker state, verdict)}) of every look at /status."""
        return [(at, {server["name"]: (server["breaker"], server["verdict"])
                      for backend in status["backends"] for server in backend["servers"]}) for at, status in self.samples]

    def refused_for(self):
        """{reason: requests} as weir counted them in the end."""
        found = {}
        for status in [self.samples[-1][1]] if self.samples else []:
            for part in status["backends"]:
                for reason, n in part["refused_total"].items():
                    found[reason] = found.get(reason, 0) + n
        return found


def load_command(port, arguments, cpu=None):
    return pinned([program("WEIR_LOADGEN"), "--json", *map(str, arguments), f"127.0.0.1:{port}"], cpu)


def drive(weir, origins, rate, phases, actions=(), connections=2000, timeout="1s", path="/bytes/64", clients=(),
          extra=(), cpu=None):
    """Load in an open loop with random gaps: `phases` are (label, seconds, factor of the rate), `actions` are
    (second, text, function). An answer later than `timeout` is a failure."""
    at, steps = 0, []
    for _, length, factor in phases:
        steps.append(f"{at:g}s={factor}")
        at += length
    arguments = ["--duration", f"{at:g}s", "--steps", ",".join(steps), "--random-gaps", 1, "--timeout", timeout, "--path", path]
    if clients:
        for name, source, client_rate, places in clients:
            arguments += ["--clients", f"{name},source={source},rate={client_rate:g},connections={places}"]
    else:
        arguments += ["--rate", f"{rate:g}", "--connections", connections]
    for origin in origins:
        origin.reset()
    samples, marks, todo = [], [], sorted(actions, key=lambda each: each[0])
    load = subprocess.Popen(load_command(weir.port, [*arguments, *extra], cpu), stdout=subprocess.PIPE, text=True)
    began = time.monotonic()
    now = lambda: time.monotonic() - began
    try:
        next_look = 0.0
        while load.poll() is None:
            if now() > at + 60:
                raise SystemExit("chaos: loadgen does not end")
            if todo and todo[0][0] <= now():
                due, text, act = todo.pop(0)
                act()
                marks.append((due, text))
            elif next_look <= now():
                next_look = now() + TICK
                if status := weir.status():
                    samples.append((now(), status))
            else:
                soonest = min(next_look, todo[0][0] if todo else next_look)
                time.sleep(max(0.0, min(soonest - now(), 0.05)))
        report = load.stdout.read()
    finally:
        end(load, signal.SIGTERM)
        load.stdout.close()
    if load.returncode not in (0, 3):
        raise SystemExit("chaos: loadgen failed")
    if weir.process.poll() is not None:
        raise SystemExit(f"chaos: weir ended with {weir.process.returncode}, see {weir.errors.name}")
    return Run(json.loads(report), phases, samples, marks, origins)
