#include "proxy/dashboard_page.hpp"

namespace weir {
namespace {

// {nonce} is put in; nothing else.
constexpr std::string_view page = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>weir</title>
<link rel="icon" href="data:,">
<style nonce="{nonce}">
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2126; --dim: #59626c; --line: #d5dade; --tint: #f3f5f7;
        --good: #1a6b36; --good-tint: #ddf1e1; --warn: #7a4b00; --warn-tint: #fdeac5; --bad: #a01919; --bad-tint: #fbdcda; --plot: #2b6cb0; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181c; --ink: #e4e8eb; --dim: #a0aab3; --line: #363d44; --tint: #1c2227;
          --good: #8fd6a3; --good-tint: #173322; --warn: #f2c572; --warn-tint: #3a2b0c; --bad: #ffa8a0; --bad-tint: #451a19; --plot: #7db4ea; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1.25rem 3rem; max-width: 84rem; background: var(--paper); color: var(--ink);
       font: 14px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .3rem 1rem; }
h1 { font-size: 1.25rem; margin: 0; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
button { font: inherit; padding: .15rem .7rem; color: inherit; background: var(--tint); border: 1px solid var(--dim); border-radius: 4px; }
button:focus-visible, .scroll:focus-visible { outline: 2px solid var(--plot); outline-offset: 2px; }
.right { margin-left: auto; } .dim { color: var(--dim); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .5rem; margin: .8rem 0; }
dl div { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .35rem .6rem; }
dt { color: var(--dim); font-size: .8rem; } dd { margin: 0; font-size: 1.05rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
.scroll.tall { max-height: 26rem; overflow-y: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .35rem .6rem; color: var(--dim); }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
thead th { color: var(--dim); font-weight: 600; background: var(--tint); } tbody th { font-weight: 600; }
th:first-child, td.text, th.text { text-align: left; }
td.long { white-space: normal; overflow-wrap: anywhere; }
.tag { display: inline-block; padding: 0 .45rem; border-radius: 4px; background: var(--tint); border: 1px solid var(--line); font-weight: 600; font-size: .9em; }
.tag.good { color: var(--good); background: var(--good-tint); } .tag.warn { color: var(--warn); background: var(--warn-tint); }
.tag.bad { color: var(--bad); background: var(--bad-tint); }
meter { width: 6rem; height: .8rem; vertical-align: middle; }
svg { display: block; width: 100%; height: 2.2rem; } svg path { fill: none; stroke: var(--plot); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
#trouble:not(:empty) { margin: .8rem 0; padding: .4rem .7rem; color: var(--bad); background: var(--bad-tint); border-radius: 6px; }
</style>
</head>
<body>
<header>
<h1>weir</h1><span id="what" class="dim">asking …</span>
<span class="right"><span id="when" class="dim"></span> <button id="pause" type="button" aria-pressed="false">Pause</button></span>
</header>
<div id="trouble" role="alert"></div>
<main>
<dl id="process"></dl>
<section id="backends" aria-label="Backends"></section>
<section aria-labelledby="workers-title"><h2 id="workers-title">Workers: pressure and what is given up for it</h2><div id="workers"></div></section>
<section aria-labelledby="events-title"><h2 id="events-title">Events, the latest first</h2><div id="events"></div></section>
</main>
<noscript><p>This page needs JavaScript. The same figures as text: <a href="/status">/status</a>, <a href="/events">/events</a>, <a href="/metrics">/metrics</a>.</p></noscript>
<script nonce="{nonce}">
"use strict";
const every = 2000, kept = 90, shownEvents = 200;
const byId = id => document.getElementById(id);
let before = null, paused = false, lastEvent = 0, events = [];
const plotted = new Map();      // of a plot: its last values

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  for (const child of children) node.append(child instanceof Node ? child : document.createTextNode(child));
  return node;
}
const tag = (text, kind) => make("span", {class: "tag " + kind}, text);
const sum = object => Object.values(object).reduce((a, b) => a + b, 0);
const number = (n, digits = 0) => n === null || n === undefined ? "–" : n.toLocaleString("en", {maximumFractionDigits: digits, minimumFractionDigits: digits});
const few = n => number(n, Math.abs(n) < 10 && Math.abs(n) >= 0.05 ? 1 : 0);
const rate = n => n === null ? "–" : few(n) + "/s";
const size = n => { let unit = 0; while (n >= 1024 && unit < 4) { n /= 1024; ++unit; } return few(n) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][unit]; };
const share = n => few(100 * n) + " %";
function time(ms) {
  if (!ms) return "–";
  if (ms < 1000) return few(ms) + " ms";
  if (ms < 120e3) return few(ms / 1000) + " s";
  if (ms < 7200e3) return number(ms / 60e3) + " min";
  return ms < 172800e3 ? number(ms / 3600e3) + " h" : number(ms / 86400e3) + " d";
}
/* How fast a total grows: null before there are two looks, or after a restart. */
function growth(now, path) {
  if (!before || before.pid !== now.pid) return null;
  const read = from => { const found = path(from); return typeof found === "object" && found !== null ? sum(found) : found; };
  const seconds = (now.uptime_ms - before.uptime_ms) / 1000;
  const old = read(before);
  return seconds > 0 && old !== undefined ? Math.max(0, (read(now) - old) / seconds) : null;
}
const overWorkers = (status, path) => status.workers.reduce((total, worker) => total + path(worker), 0);

function plot(name, value, label) {
  const values = plotted.get(name) || [];
  if (value !== null) values.push(value);
  while (values.length > kept) values.shift();
  plotted.set(name, values);
  const top = Math.max(...values, 1e-9);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 " + (kept - 1) + " 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label + ", the last " + Math.round(kept * every / 60000) + " minutes; at most " + few(Math.max(...values, 0)));
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const from = kept - values.length;
  line.setAttribute("d", values.map((v, i) => (i ? "L" : "M") + (from + i) + " " + (19 - 18 * v / top).toFixed(2)).join(""));
  svg.append(line);
  return svg;
}
function tiles(into, pairs) {
  into.replaceChildren(...pairs.map(([name, ...value]) => make("div", {}, make("dt", {}, name), make("dd", {}, ...value))));
}
/* columns: [heading, class]; each row's first cell is its heading. */
function table(label, columns, rows, tall) {
  const head = make("tr", {}, ...columns.map(([title, kind]) => make("th", {scope: "col", class: kind || ""}, title)));
  const body = rows.map(row => make("tr", {}, ...row.map((cell, i) =>
    make(i ? "td" : "th", i ? {class: columns[i][1] || ""} : {scope: "row"}, ...[cell].flat()))));
  return make("div", {class: tall ? "scroll tall" : "scroll", tabindex: "0", role: "region", "aria-label": label},
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

const verdictKind = word => ({up: "good", down: "bad", ejected: "bad", open: "bad", forced_open: "bad"})[word] || "warn";
function breaker(server) {
  const cell = [server.breaker];
  if (server.breaker_cause !== "none") cell.push(" (" + server.breaker_cause + ")");
  if (server.breaker_open_for_ms > 0) cell.push(", for another " + time(server.breaker_open_for_ms));
  else if (server.breaker_generation > 0) cell.push(", since " + time(server.breaker_state_ms));
  return cell.join("");
}
function showBackend(now, backend) {
  const find = status => status.backends.find(each => each.name === backend.name);
  const grows = path => growth(now, status => { const found = find(status); return found && path(found); });
  const requests = grows(b => b.requests_total), refused = grows(b => b.refused_total);
  const reasons = Object.keys(backend.refused_total).map(why => [why, grows(b => b.refused_total[why] || 0)])
    .filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]).map(([why, n]) => why + " " + rate(n));
  const queued = sum(backend.queued);
  const figures = make("dl", {});
  tiles(figures, [
    ["Requests", rate(requests), plot(backend.name + " requests", requests, "Requests per second")],
    ["Median / p99, 10 s", time(backend.recent_p50_ms) + " / " + time(backend.recent_p99_ms), plot(backend.name + " p99", backend.recent_p99_ms, "p99 in ms")],
    ["Refused", rate(refused), plot(backend.name + " refused", refused, "Refused per second")],
    ["In flight", number(backend.in_flight) + (backend.limit === null ? "" : " of " + number(backend.limit))],
    ["Queue", number(queued) + " of " + number(backend.queue_places), Object.values(backend.queue_late).some(Boolean) ? " " : "", Object.values(backend.queue_late).some(Boolean) ? tag("late", "warn") : ""],
    ["Servers usable", backend.usable_servers + " of " + backend.servers.length + " ", backend.panic ? tag("panic", "bad") : ""],
    ["Retry budget", few(backend.retry_budget_tokens) + " tries"],
  ]);
  const rows = backend.servers.map((server, i) => {
    const of = path => grows(b => b.servers[i] && path(b.servers[i]));
    return [server.name + (server.backup ? " (backup)" : ""), tag(server.verdict, verdictKind(server.verdict)),
      breaker(server), server.ejected_for_ms > 0 ? "for " + time(server.ejected_for_ms) : "–",
      number(server.in_flight) + " / " + number(server.limit), rate(of(s => s.tries_total)), rate(of(s => s.outcomes_total.bad)),
      rate(of(s => s.tries_total.retry + s.tries_total.hedge + s.tries_total.race)), time(server.latency_ms), time(server.base_ms),
      share(server.weight_ratio), number(server.connections_idle)];
  });
  return make("section", {"aria-label": "Backend " + backend.name}, make("h2", {}, "Backend " + backend.name), figures,
    ...(reasons.length ? [make("p", {class: "dim"}, "Refused: " + reasons.join(", "))] : []),
    table("Servers of " + backend.name, [["Server"], ["Verdict", "text"], ["Breaker", "text"], ["Ejected", "text"], ["In flight / limit"],
      ["Tries"], ["Bad"], ["Retries, hedges"], ["Latency"], ["Without a queue"], ["Weight"], ["Idle connections"]], rows));
}
function showWorkers(now) {
  const rows = now.workers.map((worker, i) => {
    const parts = Object.entries(worker.pressure_part_ratio).filter(([, n]) => n > 0).map(([word, n]) => word + " " + few(100 * n) + " %");
    const steps = Object.entries(worker.shed_step_on).filter(([, on]) => on).map(([word]) => word);
    return [String(i), [make("meter", {min: 0, max: 1, low: 0.3, high: 0.7, optimum: 0, value: worker.pressure_ratio, "aria-label": "pressure"}), " " + share(worker.pressure_ratio)],
      parts.join(", ") || "–", steps.length ? steps.map(step => tag(step, "warn")) : "nothing", share(worker.shed_normal_ratio), share(worker.loop_busy_ratio),
      time(worker.loop_delay_ms.p99), number(worker.connections_open), number(worker.requests_open), size(worker.buffers_held_bytes),
      worker.answered ? "now" : tag("late", "bad")];
  });
  byId("workers").replaceChildren(table("Workers", [["Worker"], ["Pressure", "text"], ["Of what", "text"], ["Given up", "text long"], ["Normal refused"], ["Busy"],
    ["Loop delay, p99"], ["Connections"], ["Requests"], ["Buffers"], ["As of"]], rows));
}
function show(now) {
  byId("what").textContent = now.version + ", process " + now.pid + ", ";
  byId("what").append(tag(now.phase, now.phase === "serving" ? "good" : "warn"), " for " + time(now.uptime_ms));
  const requests = growth(now, s => overWorkers(s, w => w.requests_total));
  const failed = growth(now, s => overWorkers(s, w => w.responses_total["5xx"]));
  const shed = growth(now, s => overWorkers(s, w => sum(w.shed_refused_total)));
  tiles(byId("process"), [
    ["Requests", rate(requests), plot("requests", requests, "Requests per second")],
    ["Answered 5xx", rate(failed), plot("failed", failed, "Answers 5xx per second")],
    ["Shed", rate(shed)],
    ["Connections", number(now.connections_open) + " of " + number(now.connections_limit)],
    ["Memory", size(now.memory_used_bytes) + (now.memory_limit_bytes ? " of " + size(now.memory_limit_bytes) : "")],
    ["Descriptors", number(now.descriptors_open) + " of " + number(now.descriptors_limit)],
  ]);
  byId("backends").replaceChildren(...now.backends.map(each => showBackend(now, each)));
  showWorkers(now);
}
function showEvents() {
  const rows = events.map(each => [each.time.replace("T", " ").replace("Z", ""), each.kind,
    [each.backend, each.server].filter(Boolean).join(" / ") || (each.worker === undefined ? "process" : "worker " + each.worker),
    each.from + " → " + each.to, each.why]);
  byId("events").replaceChildren(rows.length ? table("Events", [["Time (UTC)"], ["Kind", "text"], ["Of", "text"], ["Change", "text long"], ["Why", "text long"]], rows, true)
    : make("p", {class: "dim"}, "None so far."));
}
async function look() {
  try {
    const [status, news] = await Promise.all([fetch("/status", {cache: "no-store"}), fetch("/events?after=" + lastEvent, {cache: "no-store"})]);
    if (!status.ok || !news.ok) throw new Error("answered " + (status.ok ? news.status : status.status));
    const now = await status.json();
    const fresh = (await news.text()).split("\n").filter(Boolean).map(line => JSON.parse(line));
    if (before && before.pid !== now.pid) { events = []; lastEvent = 0; plotted.clear(); }
    else if (fresh.length) {
      lastEvent = fresh[fresh.length - 1].number;
      events = [...fresh.reverse(), ...events].slice(0, shownEvents);
    }
    show(now);
    if (fresh.length || !before) showEvents();
    before = now;
    byId("when").textContent = "as of " + new Date().toLocaleTimeString();
    byId("trouble").textContent = "";
  } catch (error) {
    byId("trouble").textContent = "No answer from weir (" + error.message + "); what stands below is old. Trying again.";
  }
}
async function watch() {
  if (!paused && !document.hidden) await look();
  setTimeout(watch, every);
}
byId("pause").addEventListener("click", event => {
  paused = !paused;
  event.target.textContent = paused ? "Go on" : "Pause";
  event.target.setAttribute("aria-pressed", String(paused));
});
watch();
</script>
</body>
</html>
)html";

}  // namespace

std::string dashboard_page(std::string_view nonce) {
    constexpr std::string_view mark = "{nonce}";
    std::string out;
    out.reserve(page.size() + 2 * nonce.size());
    auto rest = page;
    for (auto at = rest.find(mark); at != rest.npos; at = rest.find(mark)) {
        out.append(rest.substr(0, at)).append(nonce);
        rest.remove_prefix(at + mark.size());
    }
    return out.append(rest);
}

std::string dashboard_fields(std::string_view nonce) {
    std::string out =
        "Cache-Control: no-store\r\nVary: Accept\r\nReferrer-Policy: no-referrer\r\n"
        "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; script-src 'nonce-";
    out.append(nonce).append("'; style-src 'nonce-").append(nonce);
    return out.append("'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
                      "'none'\r\n");
}

}  // namespace weir
