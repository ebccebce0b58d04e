"""Scenarios about weir itself: that a limit is exact, and what refusing and the whole layer cost."""

import json
import os
import subprocess

from .report import Finding
from .scenarios import world
from .world import load_command

WEIR_CPU, LOAD_CPU = 0, 1


def closed_or_paced(port, arguments, limit):
    done = subprocess.run(load_command(port, arguments, LOAD_CPU), capture_output=True, text=True, timeout=limit)
    if done.returncode not in (0, 3):
        raise SystemExit(f"chaos: loadgen: {done.stderr.strip()}")
    return json.loads(done.stdout)


def cost(weir, arguments):
    """CPU time of weir for each answered request, in microseconds, and the report."""
    before = weir.cpu_seconds()
    report = closed_or_paced(weir.port, ["--connections", 64, "--path", "/bytes/64", *arguments], 120)
    return 1e6 * (weir.cpu_seconds() - before) / max(1, report["answered"]), report


def exact_limit(directory):
    wanted = int(os.environ.get("LIMIT_REQUESTS", "50000"))
    finding = Finding("exact_limit", f"`limit 1`, two workers, {wanted} requests: never two in flight at the server")
    with world(directory, servers=1, service="", more="limit 1; queue 64 patience=500ms;", before="workers 2;\n") as (weir, origins):
        report = closed_or_paced(weir.port, ["--requests", wanted, "--connections", 16, "--path", "/bytes/64",
                                             "--path", "/bytes/64", "--path", "/bytes/5000"], 60 + wanted / 500)
        seen = origins[0].stats()
    finding.check("most in flight at the server", str(seen["in_flight_max"]), "1", seen["in_flight_max"] == 1)
    finding.check("requests that the server saw", str(seen["requests"]), f"≥ {wanted // 2}", seen["requests"] >= wanted // 2)
    finding.tell("requests a second", f"{report['per_second']:.0f}")
    finding.row = {"success": f"{report['status'].get('2xx', 0) / report['answered']:.2%}", "tries": f"{seen['requests'] / report['answered']:.2f}"}
    return finding


def refusal(directory):
    finding = Finding("refusal", "CPU time of a refused request beside that of a served one, 64 bytes, one worker, as fast as it answers")
    pace = ["--rate", 0, "--duration", "3s", "--timeout", "1s"]
    quiet = "workers 1;\nerror_log stderr level=error;\n"
    found, shares = {}, {}
    for name, more, before in (("served", "", quiet), ("refused by a limit", "limit 1; queue 0;", quiet)):
        with world(directory, servers=1, service="", more=more, before=before, cpu=(WEIR_CPU, LOAD_CPU)) as (weir, origins):
            if more:
                origins[0].control("?silent")   # what is let in never leaves: all others are refused
            else:
                cost(weir, ["--requests", 2000])
            found[name], report = cost(weir, pace)
            shares[name] = report["status"].get("5xx", 0) / report["sent"]
            finding.tell(f"CPU time for each request, {name}", f"{found[name]:.1f} us")
    finding.at_least("of the requests were refused", shares["refused by a limit"], 0.99)
    finding.at_most("refused by a limit, of served", found["refused by a limit"] / found["served"], 0.45)
    return finding


OFF = "limit off; breaker off; outliers off; hedge after=off; retry 0; panic off; slow_start off;"


def overhead(directory):
    finding = Finding("overhead", "CPU time for each request with every default, beside all of the layer off; one worker, as fast as it answers")
    pace = ["--rate", 0, "--duration", "2s"]
    sums = {"defaults": [], "off": []}
    with world(os.path.join(directory, "defaults"), service="", before="workers 1;\n", cpu=(WEIR_CPU, LOAD_CPU)) as (on, _), \
            world(os.path.join(directory, "off"), service="", more=OFF, before="workers 1; shed off;\n", cpu=(WEIR_CPU, LOAD_CPU)) as (off, _):
        for turn in range(6):   # interleaved, so that both see the same machine; the first round warms up
            for name, weir in (("defaults", on), ("off", off)):
                took, _ = cost(weir, pace)
                if turn > 0:
                    sums[name].append(took)
    middle = {name: sorted(all_of)[len(all_of) // 2] for name, all_of in sums.items()}
    for name, value in middle.items():
        finding.tell(f"CPU time for each request, {name} (median of 5)", f"{value:.1f} us")
    finding.at_most("defaults, of off", middle["defaults"] / middle["off"], 1.05, "{:.3f}")
    return finding
