"""The scenarios: each starts what it needs, breaks something, and says what became of the clients.

Three servers of 8 places and 20 ms on average (log-normal, so p99 is about 5 times as much): 400 requests/s each. That is small
enough that neither weir nor the load generator is the bottleneck on two cores, at ten times the capacity too.
"""

import signal
from contextlib import ExitStack, contextmanager

from .report import Finding
from .world import Origin, Weir, drive

PLACES, MEAN_MS = 8, 20
EACH = PLACES * 1000 / MEAN_MS
GOOD_SERVICE = f"slots={PLACES}&mean={MEAN_MS}ms&spread=lognormal"
TWO_LINES = "listen 127.0.0.1:{port} {{ route / web; }}\nbackend web {{{servers} {more}}}\n"


@contextmanager
def world(directory, servers=3, more="", each="", service=GOOD_SERVICE, before="", cpu=(None, None)):
    """Servers and a weir in front of them. `each`: arguments of every server; `more`: in the backend; `before`: at the top."""
    with ExitStack() as ends:
        origins = []
        for i in range(servers):
            origins.append(Origin(f"s{i + 1}", f"{service}&seed={i + 1}" if service else "", cpu[1]))
            ends.callback(origins[-1].stop)
        lines = " ".join(f"server {origin.address} {each};".replace(" ;", ";") for origin in origins)
        weir = Weir(directory, before + TWO_LINES.format(port="{port}", servers=lines, more=more), cpu[0])
        ends.callback(weir.stop)
        yield weir, origins


def overload(finding, weir, origins, capacity, at_2x):
    """Half of what the servers can bear, then two and ten times as much. `at_2x`: the share of the capacity to be reached then."""
    run = drive(weir, origins, capacity, [("warm-up", 4, 0.5), ("before", 5, 0.5), ("2x", 20, 2), ("settle 2x", 0.2, 0.5),
                                          ("after 2x", 3, 0.5), ("10x", 20, 10), ("settle 10x", 0.2, 0.5), ("after", 4, 0.5)])
    finding.take(run, during=("2x", "10x"), capacity=capacity)
    usual = run.phases["before"]
    for label, goal in (("2x", at_2x), ("10x", 0.95)):
        phase = run.phases[label]
        finding.at_least(f"goodput at {label} of capacity", phase["ok"] / phase["length"] / capacity, goal, "{:.1%}")
        finding.at_most(f"p99 of good answers at {label}, of unloaded", phase["p99"] / usual["p99"], 2)
        finding.tell(f"p50 of good answers at {label}, of unloaded", f"{phase['p50'] / usual['p50']:.2f}")
    for label in ("after 2x", "after"):
        phase = run.phases[label]
        finding.at_most(f"from 200 ms after its end on ({label}): p99, of unloaded", phase["p99"] / usual["p99"], 2)
        finding.at_least(f"and success ({label})", phase["ok"] / phase["wanted"], 0.99)
    finding.tell("refusals", ", ".join(f"{reason} {n}" for reason, n in run.refused_for().items()) or "none counted")


def surge(directory):
    finding = Finding("surge", "3 servers with `limit=12` each, 2 and 10 times their capacity for 20 s each")
    with world(directory, each="limit=12") as (weir, origins):
        overload(finding, weir, origins, 3 * EACH, 0.98)
    return finding


def plain(directory):
    finding = Finding("plain", "the same with nothing configured but the servers")
    with world(directory) as (weir, origins):
        overload(finding, weir, origins, 3 * EACH, 0.95)
    return finding


def capacity(directory):
    finding = Finding("capacity", "nothing configured; load 0.9 of the capacity, which halves, is quartered and comes back")
    set_slots = lambda origins, n: [origin.control(f"/service?slots={n}") for origin in origins]
    with world(directory) as (weir, origins):
        run = drive(weir, origins, 0.9 * 3 * EACH, [("warm-up", 4, 1), ("before", 4, 1), ("adapt", 2, 1), ("half", 8, 1),
                    ("adapt 2", 2, 1), ("quarter", 8, 1), ("recover", 2, 1), ("after", 6, 1)],
                    [(8, "half", lambda: set_slots(origins, PLACES // 2)), (18, "quarter", lambda: set_slots(origins, PLACES // 4)),
                     (28, "whole", lambda: set_slots(origins, PLACES))])
        finding.take(run, during=("half", "quarter"))
        shares = []
        for label, part in (("half", 2), ("quarter", 4), ("after", 1)):
            phase = run.phases[label]
            possible = min(3 * EACH / part, 0.9 * 3 * EACH)
            shares.append(phase["ok"] / phase["length"] / possible)
            finding.at_least(f"goodput of what was possible, {label} (2 s to adapt)", shares[-1], 0.95, "{:.1%}")
        finding.row["goodput"] = "  ".join(f"{share:.1%}" for share in shares[:2])
        finding.tell("limits at the end", " ".join(str(s["limit"]) for s in run.samples[-1][1]["backends"][0]["servers"])
                     if run.samples else "-")
    return finding


def kill(directory):
    finding = Finding("kill", "nothing configured; kill -9 of one of three at 0.4 of the capacity; it is back 5 s later")
    with world(directory) as (weir, origins):
        victim = origins[1]
        run = drive(weir, origins, 0.4 * 3 * EACH, [("warm-up", 3, 1), ("before", 3, 1), ("first second", 1, 1), ("dead", 4, 1), ("after", 10, 1)],
                    [(6, "kill -9 s2", victim.kill), (11, "s2 starts", lambda: victim.restart(11))])
        finding.take(run, during=("first second", "dead"))
        finding.at_least("success of all (GET)", run.ok / run.wanted, 0.9999)
        first = run.phases["first second"]
        finding.at_least("success in the first second", first["ok"] / first["wanted"], 0.999)
        finding.at_least("share of s2 in the last 4 s", run.share("s2", 17, 21), 0.1)
    return finding


def hang(directory):
    finding = Finding("hang", "`timeout first_byte=1s`; one of three is stopped (SIGSTOP) for 10 s at 0.4 of the capacity")
    with world(directory, more="timeout first_byte=1s;") as (weir, origins):
        victim = origins[1]
        run = drive(weir, origins, 0.4 * 3 * EACH, [("warm-up", 3, 1), ("before", 3, 1), ("first", 3, 1), ("later", 7, 1), ("back", 4, 1), ("after", 3, 1)],
                    [(6, "SIGSTOP s2", lambda: victim.signal(signal.SIGSTOP)), (16, "SIGCONT s2", lambda: victim.signal(signal.SIGCONT))],
                    timeout="5s")
        finding.take(run, during=("first", "later"))
        finding.tell("success of all (a timeout is not repeated by default)", f"{run.ok / run.wanted:.2%}")
        finding.at_least("success from 2 s after the first timeout on", run.phases["later"]["ok"] / run.phases["later"]["wanted"], 0.999)
        finding.at_most("p99 from 2 s after the first timeout on, of before", run.phases["later"]["p99"] / run.phases["before"]["p99"], 1.5)
    return finding


def slow(directory):
    finding = Finding("slow", "nothing configured; one of three takes ten times as long at 0.5 of the capacity")
    with world(directory) as (weir, origins):
        victim = origins[1]
        run = drive(weir, origins, 0.5 * 3 * EACH, [("warm-up", 3, 1), ("before", 3, 1), ("first", 2, 1), ("slow", 10, 1), ("back", 3, 1), ("after", 4, 1)],
                    [(6, "s2 slow x10", lambda: victim.control("/service?slow=10")), (18, "s2 normal", lambda: victim.control("/service?slow=1"))],
                    timeout="5s")
        finding.take(run, during=("first", "slow"))
        finding.at_least("success of all", run.ok / run.wanted, 0.9999)
        finding.at_most("share of s2 while it is slow", run.share("s2", 8, 18), 0.10, "{:.2%}")
        finding.at_most("p99 while it is slow (the server alone: 1 s), of before", run.phases["slow"]["p99"] / run.phases["before"]["p99"], 4)
    return finding


def faulty(name, about, fault, goal_success, goal_share, length=26):
    def run_it(directory):
        finding = Finding(name, about)
        with world(directory) as (weir, origins):
            victim = origins[1]
            run = drive(weir, origins, 0.5 * 3 * EACH, [("warm-up", 2, 1), ("before", 3, 1), ("first", 20, 1), ("late", length - 20, 1), ("back", 3, 1), ("after", 3, 1)],
                        [(5, fault, lambda: victim.control("?" + fault)), (5 + length, "well", lambda: victim.control("?status=200"))])
            finding.take(run, during=("first", "late"))
            phase = run.phases["late"]
            finding.at_least("success of all", run.ok / run.wanted, goal_success)
            finding.tell("success in the last seconds of it", f"{phase['ok'] / phase['wanted']:.2%}")
            finding.at_most("share of s2 after 20 s of it", run.share("s2", 25, 5 + length), goal_share, "{:.2%}")
        return finding
    return run_it


error500 = faulty("error500", "nothing configured; one of three answers 500 at once, from 5 s on for 26 s", "status=500&quick", 0.95, 0.02)
flapping = faulty("flapping", "nothing configured; one of three answers 503 at once for 5 s, is well for 5 s, and so on", "status=503&quick&flap=5s", 0.999, 0.34)


def outage(directory):
    finding = Finding("outage", "nothing configured; all three servers answer 503 at once for 20 s, at 10 and at 100 requests/s")
    for rate in (10, 100):
        with world(directory, service="") as (weir, origins):
            fault = lambda: [origin.control("?status=503&quick") for origin in origins]
            run = drive(weir, origins, rate, [("outage", 20, 1)], [(0, "all 503", fault)], connections=200)
            finding.take(run, during=("outage",), title=f"{rate} per s")
            finding.at_most(f"tries per request at {rate}/s", run.tries / run.wanted, 1.2)
    return finding


def partial(directory):
    finding = Finding("partial", "every server fails 3 of 10 requests at once with 503, at 200 requests/s")
    for title, more, budget in (("defaults", "", 0.10), ("budget=50%", "retry 2 budget=50%;", 0.50)):
        with world(directory, more=more, service="") as (weir, origins):
            fault = lambda: [origin.control("?status=503&quick&share=0.3") for origin in origins]
            run = drive(weir, origins, 200, [("before", 3, 1), ("partial", 15, 1), ("after", 0.5, 1)], [(3, "3 of 10 fail", fault)])
            finding.take(run, during=("partial",), title=title)
            seen, asked = sum(sum(counts[4:17]) for counts in run.per_origin.values()), 13 * 200
            finding.at_most(f"{title}: tries per request", seen / asked, 1 + budget + 0.02)
            finding.check(f"{title}: looks at which a server was ejected", str(sum(v == "ejected" for _, servers in run.servers() for _, v in servers.values())),
                          "0", all(v != "ejected" for _, servers in run.servers() for _, v in servers.values()))
            finding.tell(f"{title}: breakers opened", str(sum(s["breaker_opened_total"] for b in run.samples[-1][1]["backends"] for s in b["servers"])
                         if run.samples else "-"))
            phase = run.phases["partial"]
            success = phase["ok"] / phase["wanted"]
            if budget < 0.5:
                finding.tell(f"{title}: success", f"{success:.2%}")
            else:
                finding.at_least(f"{title}: success", success, 0.95)
    return finding


def noisy(directory):
    finding = Finding("noisy", "nothing configured; one client asks 100 times as often as each of 20 others; all: twice the capacity")
    capacity = 3 * EACH
    one = 2 * capacity / 120
    others = [(f"c{i}", f"127.1.{i}.1", one, 40) for i in range(1, 21)]
    sums = lambda run: [run.kinds[name] for name, *_ in others]
    p99 = lambda run: sorted(kind["ok_latency_us"]["p99"] for kind in sums(run))[10] / 1e3   # the median client's
    with world(directory) as (weir, origins):
        drive(weir, origins, 0, [("warm-up", 3, 1)], clients=others)
        alone = drive(weir, origins, 0, [("before", 8, 1)], clients=others)
        run = drive(weir, origins, 0, [("noisy", 15, 1)], clients=others + [("noisy", "127.2.1.1", 100 * one, 1500)])
    finding.take(run, during=("noisy",), capacity=capacity)
    finding.row["before"] = f"{alone.phases['before']['p50']:.0f}/{alone.phases['before']['p99']:.0f}"
    served = sum(kind["ok"] for kind in sums(run)) / sum(kind["wanted"] for kind in sums(run))
    finding.at_least("of the others' requests served", served, 0.90)
    finding.at_most("the others' p99 (median client), of alone", p99(run) / p99(alone), 2)
    shares = [kind["ok"] / kind["wanted"] for kind in sums(run)]
    finding.at_least("Jain's index of the others", sum(shares) ** 2 / (len(shares) * sum(s * s for s in shares)), 0.95, "{:.3f}")
    noisy_one = run.kinds["noisy"]
    finding.tell("of the noisy client's requests served", f"{noisy_one['ok'] / noisy_one['wanted']:.2%}")
    return finding
