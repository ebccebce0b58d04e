"""Reading what a process costs, and driving load at it."""

import glob
import json
import os
import re
import subprocess
import sys

from . import proxies

TICK = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and all that descend from it."""
    whole = [pid]
    for parent in whole:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as f:
                    whole += [int(child) for child in f.read().split()]
        except OSError:
            continue   # it has just ended
    return whole


def cpu_seconds(pid):
    """(total, user, system) of the whole tree. The total is the scheduler's, exact; the other two count ticks."""
    total = user = system = 0
    for process in tree(pid):
        try:
            for task in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0])
            with open(f"/proc/{process}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            user, system = user + int(fields[11]), system + int(fields[12])
        except OSError:
            continue
    return total / 1e9, user / TICK, system / TICK


def resident_bytes(pid):
    """Memory of the tree; shared pages are divided among those that share them (PSS)."""
    total = 0
    for process in tree(pid):
        try:
            with open(f"/proc/{process}/smaps_rollup") as f:
                total += int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M)[1]) * 1024
        except (OSError, TypeError):
            continue
    return total


def loadgen_command(port, arguments, cpu=proxies.LOAD_CPU):
    program = os.environ.get("WEIR_LOADGEN", "build/release/loadgen")
    return proxies.pinned([program, "--json", *arguments, f"127.0.0.1:{port}"], cpu)


def load(port, arguments, limit):
    """Runs the load generator to its end; what it reports."""
    done = subprocess.run(loadgen_command(port, arguments), capture_output=True, text=True, timeout=limit)
    if done.returncode not in (0, 3):
        raise SystemExit(f"bench: loadgen: {done.stderr.strip()}")
    report = json.loads(done.stdout)
    if others := {kind: n for kind, n in report["status"].items() if kind != "2xx" and n}:
        what = f"bench: of {report['answered']} answers on port {port} were not 2xx: {others}; refusals cost less"
        if sum(others.values()) > report["answered"] / 100:
            raise SystemExit(what)
        print(what + ", but so few do not matter", file=sys.stderr)
    return report


def syscalls_per_request(pid, port, arguments, requests):
    """{name: calls per request} under strace; the trace slows the proxy, but does not change what it has to ask for."""
    load(port, [*arguments, "--requests", str(requests // 4)], 300)
    targets = [word for process in tree(pid) for word in ("-p", str(process))]
    out = f"/tmp/weir-bench-strace.{os.getpid()}"
    tracer = subprocess.Popen(["strace", "-c", "-f", "-o", out, *targets], stderr=subprocess.PIPE, text=True)
    try:
        while "attached" not in (line := tracer.stderr.readline()):
            if not line:
                raise SystemExit("bench: strace could not attach (is ptrace allowed here?)")
        answered = load(port, [*arguments, "--requests", str(requests)], 600)["answered"]
    finally:
        tracer.send_signal(2)   # SIGINT: it detaches and writes its table
        tracer.communicate()
    calls = {}
    with open(out) as f:
        for line in f:
            fields = line.split()
            if len(fields) >= 5 and fields[0][0].isdigit() and fields[-1] != "total":
                calls[fields[-1]] = int(fields[3]) / answered
    os.unlink(out)
    return calls


def instructions_per_request(proxy, port, arguments, requests, directory):
    """User-space instructions under callgrind, after a warm-up: of two loads that differ only in how many requests they have."""
    out = os.path.join(directory, "callgrind.out")
    proxy.start(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"], single_process=True)
    try:
        ask = lambda n: load(getattr(proxy, port), [*arguments, "--requests", str(n)], 600)["answered"]
        dump = lambda: subprocess.run(["callgrind_control", "--dump", str(proxy.process.pid)], check=True, capture_output=True)  # and zero
        ask(requests // 10)
        dump()
        few = ask(requests // 10)
        dump()
        many = ask(requests + requests // 10)
        dump()
    finally:
        proxy.stop()
    counted = []
    for dumped in (".2", ".3"):
        with open(out + dumped) as f:
            counted.append(int(re.search(r"^totals: (\d+)", f.read(), re.M)[1]))
    for each in glob.glob(out + "*"):
        os.unlink(each)
    return (counted[1] - counted[0]) / (many - few)
