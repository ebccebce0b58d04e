"""What a scenario found: a table, a timeline and a picture."""

import html

COLUMNS = ("scenario", "success", "goodput", "before", "during", "after", "tries", "verdict")
STATES = {"closed": "#d5ecd4", "open": "#e8a09a", "half_open": "#f3d9a4", "ramp": "#e7edb8", "ejected": "#c9b3dd"}


class Finding:
    """The outcome of one scenario. `checks`: (what, value, goal, met); met None: no goal, only told."""

    def __init__(self, name, about):
        self.name, self.about, self.runs, self.checks, self.row = name, about, [], [], {}

    def check(self, what, value, goal, met):
        self.checks.append((what, value, goal, met))

    def tell(self, what, value):
        self.checks.append((what, value, "", None))

    def at_least(self, what, value, bound, form="{:.2%}"):
        self.check(what, form.format(value), "≥ " + form.format(bound), value >= bound)

    def at_most(self, what, value, bound, form="{:.2f}"):
        self.check(what, form.format(value), "≤ " + form.format(bound), value <= bound)

    def take(self, run, before="before", during=(), after="after", capacity=None, title=""):
        """Fills in the row of the table from a run; `during`: labels of its phases under fault."""
        self.runs.append((title, run))
        phases = run.phases
        times = lambda labels: "  ".join(f"{phases[l]['p50']:.0f}/{phases[l]['p99']:.0f}" for l in labels if l in phases)
        self.row = {"success": f"{run.ok / max(1, run.wanted):.2%}", "before": times([before]), "during": times(during),
                    "after": times([after]), "tries": f"{run.tries / max(1, run.wanted):.2f}"}
        if capacity:
            self.row["goodput"] = "  ".join(f"{phases[l]['ok'] / phases[l]['length'] / capacity:.1%}" for l in during)

    def met(self):
        return all(met is not False for *_, met in self.checks)


def print_finding(finding):
    print(f"\n{finding.name}: {finding.about}")
    for what, value, goal, met in finding.checks:
        verdict = {True: "met", False: "NOT MET", None: ""}[met]
        print(f"    {what:58} {value:>12}  {goal:12} {verdict}".rstrip())


def marker(servers, order):
    """One letter for each server: . closed, O open, h half-open, r ramp, E ejected."""
    letters = {"closed": ".", "open": "O", "half_open": "h", "ramp": "r"}
    return "".join("E" if servers[n][1] == "ejected" else letters.get(servers[n][0], "?") for n in order if n in servers)


def print_timeline(run, title):
    names = list(run.per_origin)
    print(f"\n    {title + ': ' if title else ''}second by second (servers: . closed, O open, h half-open, r ramp, E ejected)")
    print(f"    {'s':>4}{'wanted':>8}{'ok':>8}{'refused':>9}{'failed':>8}{'p50 ms':>9}{'p99 ms':>9}   "
          + "".join(f"{n:>7}" for n in names) + "   servers")
    states = run.servers()
    for i, second in enumerate(run.report["seconds"]):
        refused = sum(n for status, n in second["status"].items() if int(status) >= 400)
        looks = [servers for at, servers in states if i <= at < i + 1]
        shown = marker(looks[-1], list(looks[-1])) if looks else ""
        counts = "".join(f"{(c[i] if i < len(c) else 0):>7}" for c in run.per_origin.values())
        marks = "; ".join(text for at, text in run.marks if i <= at < i + 1)
        print(f"    {i:>4}{second['wanted']:>8}{second['ok']:>8}{refused:>9}{second['errors']:>8}{second['ok_p50_us'] / 1e3:>9.1f}"
              f"{second['ok_p99_us'] / 1e3:>9.1f}   {counts}   {shown:8}{marks}".rstrip())


def print_table(findings):
    rows = [COLUMNS]
    for each in findings:
        row = dict(each.row, scenario=each.name, verdict="met" if each.met() else "NOT MET")
        rows.append(tuple(row.get(column, "") for column in COLUMNS))
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    print("\nsuccess: of all requests; goodput: good answers within a second, of the servers' capacity, in each phase under fault;")
    print("before, during, after: p50/p99 of the good answers in ms; tries: requests that servers saw for each request of a client\n")
    for row in rows:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip())
    missed = [(each.name, check) for each in findings for check in each.checks if check[3] is False]
    for name, (what, value, goal, _) in missed:
        print(f"not met: {name}: {what}: {value}, goal {goal}")


def panel(out, y, title, series, width, left, height, seconds):
    """One chart: `series` are (colour, name, values per second)."""
    top = max((max(values, default=0) for _, _, values in series), default=0) or 1
    legend = "  ".join(f'<tspan fill="{colour}">{html.escape(name)}</tspan>' for colour, name, _ in series)
    out.append(f'<text x="{left}" y="{y - 6}">{title}: {legend}</text>')
    out.append(f'<path d="M{left},{y}V{y + height}H{width - 20}" fill="none" stroke="#999"/>')
    out.append(f'<text x="{left - 6}" y="{y + 10}" text-anchor="end">{top:,.0f}</text>')
    out.append(f'<text x="{left - 6}" y="{y + height}" text-anchor="end">0</text>')
    for colour, _, values in series:
        points = " ".join(f"{left + (width - left - 20) * (i + 0.5) / seconds:.1f},{y + height - height * v / top:.1f}"
                          for i, v in enumerate(values[:seconds]))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')


def svg(finding, run, title):
    """The run as one picture that needs nothing else."""
    seconds = run.report["seconds"]
    n, width, left, height, gap = max(1, len(seconds)), 900, 80, 120, 46
    refused = [sum(c for status, c in s["status"].items() if int(status) >= 400) for s in seconds]
    colours = ("#2a6fb0", "#c0392b", "#2e8b57", "#b07d2a", "#7d5ba6")
    charts = [("requests/s", [("#999999", "wanted", [s["wanted"] for s in seconds]), ("#2e8b57", "good", [s["ok"] for s in seconds]),
                              ("#b07d2a", "refused", refused), ("#c0392b", "failed", [s["errors"] for s in seconds])]),
              ("good answers, ms", [("#8ab6dc", "p50", [s["ok_p50_us"] / 1e3 for s in seconds]),
                                    ("#c0392b", "p99", [s["ok_p99_us"] / 1e3 for s in seconds])]),
              ("requests seen by each server/s", [(colours[i % 5], name, counts) for i, (name, counts) in enumerate(run.per_origin.items())])]
    states = run.servers()
    names = list(states[-1][1]) if states else []
    total = 60 + len(charts) * (height + gap) + 18 * len(names) + 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{total}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{left}" y="20" font-size="14">{html.escape(finding.name)} {html.escape(title)}: {html.escape(finding.about)}</text>']
    x = lambda at: left + (width - left - 20) * min(at, n) / n
    for i, (name, series) in enumerate(charts):
        panel(out, 60 + i * (height + gap), name, series, width, left, height, n)
    y = 60 + len(charts) * (height + gap) - 20
    for name in names:
        out.append(f'<text x="{left - 6}" y="{y + 12}" text-anchor="end" font-size="9">{html.escape(name)}</text>')
        for (at, servers), (until, _) in zip(states, states[1:] + [(n, None)]):
            if name in servers:
                state, verdict = servers[name]
                colour = STATES.get("ejected" if verdict == "ejected" else state, "#cccccc")
                out.append(f'<rect x="{x(at):.1f}" y="{y}" width="{max(0, x(until) - x(at)):.1f}" height="14" fill="{colour}">'
                           f'<title>{html.escape(state)} {html.escape(verdict)}</title></rect>')
        y += 18
    for at, text in run.marks:
        out.append(f'<path d="M{x(at):.1f},44V{y}" stroke="#555" stroke-dasharray="3,3"/>')
        out.append(f'<text x="{x(at) + 3:.1f}" y="40" font-size="10" fill="#555">{html.escape(text)}</text>')
    out.append(f'<text x="{left}" y="{total - 12}" fill="#555">{n} s; times count from when a request was due; '
               + "bars: breaker " + ", ".join(f'<tspan fill="{colour}">■</tspan> {state}' for state, colour in STATES.items()) + "</text></svg>")
    return "\n".join(out) + "\n"
