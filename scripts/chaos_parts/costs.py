"""Scenarios about weir itself: that a limit is exact, and what refusing and the whole layer cost."""

import json
import os
import statistics
import subprocess
from contextlib import contextmanager

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


def interleaved(pair, arguments, lives=8, turns=2):
    """What a request costs in each of two worlds, turn about, so that both see the same machine, and the reports. Several lives of
    both, since one process differs from the next by a few per cent for all its life. The first turn of each warms up."""
    costs, reports = {}, {}
    for _ in range(lives):
        with pair() as worlds:
            for turn in range(turns + 1):
                for name, weir in worlds.items():
                    took, report = cost(weir, arguments)
                    if turn > 0:
                        costs.setdefault(name, []).append(took)
                        reports.setdefault(name, []).append(report)
    return costs, reports


def tell(finding, costs):
    for name, each in costs.items():
        finding.tell(f"CPU time for each request, {name} (median of {len(each)})", f"{statistics.median(each):.1f} us")


def ratio(costs, name, of):
    """The middle one of the turns' ratios: what slows the machine down for longer than a turn falls out."""
    return statistics.median(cost / other for cost, other in zip(costs[name], costs[of]))


def refusal(directory):
    finding = Finding("refusal", "CPU time of a refused request beside that of a served one, 64 bytes, one worker, as fast as it answers")
    quiet = "workers 1;\nerror_log stderr level=error;\n"

    @contextmanager
    def pair():
        with world(os.path.join(directory, "served"), servers=1, service="", before=quiet, cpu=(WEIR_CPU, LOAD_CPU)) as (serving, _), \
                world(os.path.join(directory, "refused"), servers=1, service="", more="limit 1; queue 0;", before=quiet,
                      cpu=(WEIR_CPU, LOAD_CPU)) as (refusing, origins):
            origins[0].control("?silent")   # what is let in never leaves: all others are refused
            yield {"served": serving, "refused by a limit": refusing}

    costs, reports = interleaved(pair, ["--rate", 0, "--duration", "0.8s", "--timeout", "1s"])
    tell(finding, costs)
    refused = sum(report["status"].get("5xx", 0) for report in reports["refused by a limit"])
    finding.at_least("of the requests were refused", refused / sum(report["sent"] for report in reports["refused by a limit"]), 0.99)
    finding.at_most("refused by a limit, of served", ratio(costs, "refused by a limit", "served"), 0.45, "{:.3f}")
    return finding


OFF = "limit off; breaker off; outliers off; hedge after=off; retry 0; panic off; slow_start off;"


def overhead(directory):
    finding = Finding("overhead", "CPU time for each request with every default, beside all of the layer off; one worker, 8000 requests a second")

    @contextmanager
    def pair():
        with world(os.path.join(directory, "defaults"), service="", before="workers 1;\n", cpu=(WEIR_CPU, LOAD_CPU)) as (on, _), \
                world(os.path.join(directory, "off"), service="", more=OFF, before="workers 1; shed off;\n", cpu=(WEIR_CPU, LOAD_CPU)) as (off, _):
            yield {"defaults": on, "off": off}

    costs, _ = interleaved(pair, ["--rate", 8000, "--duration", "0.8s"])
    tell(finding, costs)
    finding.at_most("defaults, of off", ratio(costs, "defaults", "off"), 1.05, "{:.3f}")
    return finding
