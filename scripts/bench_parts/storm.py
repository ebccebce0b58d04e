"""A storm of TLS handshakes: what it costs those who are connected already, and how many handshakes a second come through.

In each run 40 established connections ask 400 times a second, on schedule; after a calm second 64 clients begin to connect,
handshake, ask once and leave, as fast as they can. Two workers, nothing bound to a CPU. Latencies of the established count from
the intended start of each request.
"""

import json
import statistics
import subprocess
import time

from . import measure, proxies

KEYS = {"rsa": "RSA-2048", "rsa4096": "RSA-4096"}
RATE, ESTABLISHED, STORMERS, WORKERS = 400, 40, 64, 2
CALM_FROM, STORM_FROM, MEASURE_FROM = 0.7, 1.7, 2.2     # seconds into a run; between the last two the storm sets in
LATENCY_GOAL, RATE_GOAL = 1 / 3, 0.9


def run(names, directory, rounds, seconds, progress):
    """{key: {proxy: [figures of a round]}}; the proxies take turns, another one first in each round."""
    found = {key: {name: [] for name in names} for key in KEYS}
    origins = proxies.Origins(source_bytes=0, cpu=None)
    running = [proxies.Proxy(name, directory, origins.addresses, workers=WORKERS, cpu=None) for name in names]
    try:
        for proxy in running:
            proxy.start()
        for turn in range(rounds):
            for key in KEYS:
                for proxy in running[turn % len(running):] + running[:turn % len(running)]:
                    progress(f"storm of {KEYS[key]}, round {turn + 1}/{rounds}: {proxy.name}")
                    found[key][proxy.name].append(one_run(proxy, key, seconds))
    finally:
        for proxy in running:
            proxy.stop()
        origins.stop()
    return found


def one_run(proxy, key, seconds):
    port = proxy.tls_ports[key]
    common = ["--tls", "--sni", proxies.TLS_NAME, "--tls-version", "1.3", "--path", "/bytes/64"]
    steps = ",".join(f"{at}s=1" for at in (0, CALM_FROM, STORM_FROM, MEASURE_FROM))
    began = time.monotonic()
    steady = started(port, [*common, "--connections", str(ESTABLISHED), "--rate", str(RATE), "--steps", steps,
                            "--duration", f"{MEASURE_FROM + seconds}s"])
    time.sleep(max(0, began + STORM_FROM - time.monotonic()))
    storm = started(port, [*common, "--connections", str(STORMERS), "--new-connections",
                           "--duration", f"{MEASURE_FROM - STORM_FROM + seconds}s"])
    storm, steady = report(storm, seconds), report(steady, seconds)
    calm, stormy = steady["steps"][1], steady["steps"][3]
    return {"calm_p99": calm["ok_latency_us"]["p99"], "p50": stormy["ok_latency_us"]["p50"], "p99": stormy["ok_latency_us"]["p99"],
            "rate": storm["handshakes"]["full"] / storm["elapsed_s"], "reconnects": steady["connections_opened"] - ESTABLISHED,
            "errors": steady["errors_total"], "storm_errors": storm["errors_total"], "storm_alerts": storm["handshakes"]["alerts"]}


def started(port, arguments):
    return subprocess.Popen(measure.loadgen_command(port, arguments, cpu=None), stdout=subprocess.PIPE, text=True)


def report(process, seconds):
    try:
        return json.loads(process.communicate(timeout=seconds + 60)[0])
    except subprocess.TimeoutExpired:
        process.kill()
        raise SystemExit("bench: loadgen did not come to an end")


def middle(runs, key):
    return statistics.median(run[key] for run in runs)


def show(found, seconds, rounds):
    print(f"\nStorm: {STORMERS} clients do full TLS 1.3 handshakes as fast as they can, {RATE} requests/s go over {ESTABLISHED} established"
          f"\nconnections; {WORKERS} workers, nothing bound to a CPU; {rounds} rounds of {seconds:g} s")
    for key, title in KEYS.items():
        of = found[key]
        print(f"\n{title}", end="")
        peers = [name for name in of if name != "weir"]
        if "weir" in of and peers:
            calmer = min(peers, key=lambda name: middle(of[name], "p99"))
            latency = statistics.median(w["p99"] / p["p99"] for w, p in zip(of["weir"], of[calmer]))
            rate = statistics.median(w["rate"] / p["rate"] for w, p in zip(of["weir"], of[calmer]))
            print(f": {latency:.2f} of {calmer}'s p99; goal {LATENCY_GOAL:.2f} {'reached' if latency <= LATENCY_GOAL else 'MISSED'}"
                  f"; {rate:.2f} of its handshakes, goal {RATE_GOAL:.2f} {'reached' if rate >= RATE_GOAL else 'MISSED'}", end="")
        print(f"\n    {'':10}{'established p50 ms':>20}{'p99 ms':>10}{'(before the storm)':>20}{'handshakes/s':>14}")
        for name, runs in of.items():
            trouble = [f"{sum(r[kind] for r in runs)} {title}" for kind, title in (
                ("errors", "ERRORS"), ("reconnects", "reconnected"), ("storm_errors", "handshakes failed")) if sum(r[kind] for r in runs)]
            print(f"    {name:10}{middle(runs, 'p50') / 1e3:>20.2f}{middle(runs, 'p99') / 1e3:>10.2f}{middle(runs, 'calm_p99') / 1e3:>20.2f}"
                  f"{middle(runs, 'rate'):>14.0f}" + "".join("   " + each for each in trouble))
