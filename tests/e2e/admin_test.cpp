/// The admin listener of the real binary: pages that tell what happens, and orders that change it.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/json_text.hpp"
#include "tests/support/prometheus_text.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>

using namespace std::chrono_literals;
using namespace weir::testing;

namespace {

const std::string with_admin = "admin 127.0.0.1:0;\n";

std::string admin_of(proxy& weir) {
    constexpr std::string_view mark = "admin pages at ";
    const auto line = weir.told(mark);
    return line.substr(line.find(mark) + mark.size());
}

prometheus_text metrics_of(const std::string& admin) {
    const auto page = get(admin, "/metrics");
    REQUIRE(page.status == 200);
    return prometheus_text::read(page.body);
}

json_text status_of(const std::string& admin) {
    const auto page = get(admin, "/status");
    REQUIRE(page.status == 200);
    return json_text::read(page.body);
}

/// The path of the first of them that there is; empty: none.
std::string installed(const std::vector<std::string>& programs) {
    for (const auto& program : programs)
        for (const char* folder : {"/usr/bin/", "/usr/local/bin/"})
            if (::access((folder + program).c_str(), X_OK) == 0) return folder + program;
    return {};
}

int order(const std::string& admin, const std::string& server, const std::string& what) {
    raw_client client{admin};
    const auto path = "/backends/web/servers/" + server + "/breaker?order=" + what;
    return client.ask("POST " + path + " HTTP/1.1\r\nHost: t\r\n\r\n", "POST").status;
}

}  // namespace

TEST_CASE("admin: off unless it is asked for", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    CHECK(get(weir.address(), "/id").status == 200);
    CHECK(weir.stop() == 0);
    CHECK_FALSE(weir.process().errors().contains("admin pages"));
}

TEST_CASE("admin: metrics count what has happened, over all workers", "[e2e]") {
    origin_process web;
    proxy weir{"workers 2;\n" + with_admin + simple({web.address()})};
    const auto admin = admin_of(weir);
    const auto before = metrics_of(admin);
    CHECK(before.value("weir_requests_total") == 0);
    CHECK(before.value("weir_phase{phase=\"serving\"}") == 1);
    CHECK(before.value("weir_memory_used_bytes") > 1e5);
    CHECK(before.value("weir_descriptors_open") > 3);
    CHECK(before.value("weir_descriptors_limit") > before.value("weir_descriptors_open"));
    for (int i = 0; i < 10; ++i) CHECK(get(weir.address(), "/bytes/5").status == 200);
    CHECK(get(weir.address(), "/id?status=404").status == 404);
    raw_client odd{weir.address()};
    CHECK(odd.ask("nonsense\r\n\r\n").status == 400);

    prometheus_text after;
    CHECK(eventually([&] {
        after = metrics_of(admin);
        return after.sum("weir_responses_total") == 12 && after.sum("weir_worker_loop_delay_seconds_count") > 0;
    }));
    CHECK(after.value("weir_requests_total") == 12);
    CHECK(after.value("weir_responses_total{class=\"2xx\"}") == 10);
    CHECK(after.value("weir_responses_total{class=\"4xx\"}") == 2);
    CHECK(after.value("weir_refused_total{reason=\"bad_request\"}") == 1);
    CHECK(after.value("weir_request_seconds_count") == 12);
    CHECK(after.value("weir_connections_total") == 12);
    CHECK(after.value("weir_listener_connections_total{listener=\"" + weir.address() + "\"}") == 12);
    const auto server = "{backend=\"web\",server=\"" + web.address() + "\"";
    CHECK(after.value("weir_server_tries_total" + server + ",kind=\"first\"}") == 11);
    CHECK(after.value("weir_server_outcomes_total" + server + ",outcome=\"good\"}") == 10);
    CHECK(after.value("weir_server_first_byte_seconds_count" + server + "}") == 11);
    CHECK(after.value("weir_server_connections_idle" + server + "}") >= 1);
    CHECK(after.value("weir_backend_requests_total{backend=\"web\"}") == 11);
    CHECK(after.sum("weir_worker_loop_turns_total") > 0);
    CHECK(after.sum("weir_worker_answered") == 2);
    for (const auto& [name, value] : before.series) {
        const auto metric = name.substr(0, name.find('{'));
        CAPTURE(name);
        if (metric.ends_with("_total") || metric.ends_with("_count")) CHECK(after.value(name) >= value);
    }
}

TEST_CASE("admin: the status is valid JSON and agrees", "[e2e]") {
    origin_process web;
    proxy weir{with_admin + simple({web.address(), "127.0.0.1:1"})};
    const auto admin = admin_of(weir);
    const auto page = status_of(admin);
    CHECK(page["phase"].text() == "serving");
    CHECK(page["pid"].number() == weir.process().pid());
    CHECK(page["listeners"][0]["address"].text() == weir.address());
    CHECK(page["workers"].size() == 1);
    CHECK(page["workers"][0]["answered"].truth());
    CHECK(page["backends"][0]["servers"].size() == 2);
    CHECK(page["backends"][0]["servers"][0]["verdict"].text() == "up");
    CHECK(page["backends"][0]["usable_servers"].number() == 2);
}

TEST_CASE("admin: ready until TERM, live until the end", "[e2e]") {
    origin_process web;
    proxy weir{"drain lame_duck=30s deadline=60s;\n" + with_admin + simple({web.address()})};
    const auto admin = admin_of(weir);
    CHECK(get(admin, "/ready").status == 200);
    weir.signal(SIGTERM);
    weir.told("draining");
    const auto answer = get(admin, "/ready");
    CHECK(answer.status == 503);
    CHECK(answer.body == "draining\n");
    CHECK(get(admin, "/live").status == 200);
    CHECK(metrics_of(admin).value("weir_phase{phase=\"draining\"}") == 1);
    CHECK(get(weir.address(), "/id").status == 200);
    weir.signal(SIGTERM);
    weir.wait();
}

TEST_CASE("admin: an order opens a breaker, and closes it again", "[e2e]") {
    origin_process web;
    proxy weir{with_admin + simple({web.address()})};
    const auto admin = admin_of(weir);
    CHECK(get(weir.address(), "/id").status == 200);
    CHECK(order(admin, web.address(), "open") == 200);
    const auto refused = get(weir.address(), "/id");
    CHECK(refused.status == 503);
    CHECK_FALSE(refused.why().empty());
    CHECK(status_of(admin)["backends"][0]["servers"][0]["breaker"].text() == "forced_open");
    CHECK(metrics_of(admin).value("weir_backend_refused_total{backend=\"web\",reason=\"" + refused.why() + "\"}") == 1);
    CHECK(order(admin, web.address(), "shut") == 400);
    CHECK(order(admin, "127.0.0.1:1", "close") == 404);
    CHECK(order(admin, web.address(), "close") == 200);
    CHECK(get(weir.address(), "/id").status == 200);
    CHECK(order(admin, web.address(), "reset") == 200);
    CHECK(weir.told("by order").contains("info"));
}

TEST_CASE("admin: the events tell why a server was given up", "[e2e]") {
    origin_process web;
    closed_port nobody;
    proxy weir{with_admin + simple({nobody.address(), web.address()}, "",
                                   "health tcp every=100ms rise=2 fall=2; breaker failures=2;")};
    const auto admin = admin_of(weir);
    weir.told(" is down: ");
    order(admin, web.address(), "open");
    const auto page = get(admin, "/events");
    CHECK(page.status == 200);
    std::vector<json_text> events;
    for (std::size_t at = 0, end; (end = page.body.find('\n', at)) != std::string::npos; at = end + 1)
        events.push_back(json_text::read(page.body.substr(at, end - at)));
    REQUIRE(events.size() >= 3);
    CHECK(events[0]["kind"].text() == "phase");
    CHECK(events[0]["to"].text() == "serving");
    const auto health = std::ranges::find_if(events, [](const json_text& e) { return e["kind"].text() == "health"; });
    REQUIRE(health != events.end());
    CHECK((*health)["server"].text() == nobody.address());
    CHECK((*health)["to"].text() == "down");
    CHECK((*health)["why"].text() == "connect refused");
    const auto ordered = std::ranges::find_if(events, [](const json_text& e) { return e["kind"].text() == "breaker"; });
    REQUIRE(ordered != events.end());
    CHECK((*ordered)["backend"].text() == "web");
    CHECK((*ordered)["to"].text() == "forced_open");
    const auto seen = std::to_string(static_cast<long>(events.back()["number"].number()));
    order(admin, web.address(), "reset");
    CHECK(get(admin, "/events?after=" + seen).body.starts_with("{\"number\":"));
}

TEST_CASE("admin: a browser shows the dashboard, whose policy lets its own script run", "[e2e]") {
    const auto browser = installed({"chromium", "chromium-browser", "google-chrome"});
    if (browser.empty()) {
        WARN("no browser here: the dashboard is not looked at");
        return;
    }
    origin_process web;
    proxy weir{with_admin + simple({web.address(), "127.0.0.1:1"})};
    const auto admin = admin_of(weir);
    order(admin, "127.0.0.1:1", "open");
    child_process shown{{browser, "--headless=new", "--no-sandbox", "--disable-gpu",
                         "--user-data-dir=" + weir.directory().file("browser"), "--virtual-time-budget=4000",
                         "--dump-dom", "http://" + admin + "/"}};
    CHECK(shown.wait(180s) == 0);
    const auto page = shown.output();
    for (const auto& part :
         std::vector<std::string>{"<h2>Backend web</h2>", "<th scope=\"row\">" + web.address() + "</th>",
                                  "<span class=\"tag good\">up</span>", "<span class=\"tag bad\">forced_open</span>",
                                  "starting \u2192 serving", "closed \u2192 forced_open"}) {
        CAPTURE(part);
        CHECK(page.contains(part));
    }
    CHECK(page.contains("<div id=\"trouble\" role=\"alert\"></div>"));
}

TEST_CASE("admin: many requests on one connection, and several connections at once", "[e2e]") {
    origin_process web;
    proxy weir{with_admin + simple({web.address()})};
    const auto admin = admin_of(weir);
    raw_client one{admin}, two{admin};
    for (int i = 0; i < 5; ++i) {
        CHECK(one.get("/live").status == 200);
        CHECK(two.get("/metrics").status == 200);
    }
    CHECK(one.ask("POST /status HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc", "POST").status == 413);
    CHECK(one.read_all().empty());
    CHECK(weir.stop() == 0);
    CHECK(two.read_all().empty());
}

TEST_CASE("a client's connections have a limit of their own", "[e2e]") {
    origin_process web;
    proxy weir{with_admin + simple({web.address()}, "max_connections_per_client 2;")};
    const auto admin = admin_of(weir);
    std::optional<raw_client> one{weir.address()}, two{weir.address()};
    CHECK(one->get("/id").status == 200);
    CHECK(two->get("/id").status == 200);
    raw_client three{weir.address()};
    three.send("GET /id HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(three.read_all().empty());
    CHECK(three.was_reset());
    CHECK(weir.told("client_connections").contains("[client 127.0.0.1]"));
    CHECK(one->get("/id").status == 200);
    const auto page = metrics_of(admin);
    CHECK(page.value("weir_refused_total{reason=\"client_connections\"}") == 1);
    CHECK(page.value("weir_listener_clients_refused_total{listener=\"" + weir.address() + "\"}") == 1);
    two->hang_up();
    CHECK(eventually([&] {
        raw_client next{weir.address()};
        return next.get("/id").status == 200;
    }));
}

TEST_CASE("short of memory nobody is let in, and the admin pages say why", "[e2e]") {
    origin_process web;
    // The table of clients is what takes the memory.
    proxy weir{"shed on memory=16MiB;\n" + with_admin +
               simple({web.address()}, "max_connections 1000000; max_connections_per_client 1000;")};
    const auto admin = admin_of(weir);
    CHECK(eventually(
        [&] { return metrics_of(admin).value("weir_worker_shed_step_on{worker=\"0\",step=\"pause_accept\"}") == 1; }));
    raw_client waiting{weir.address()};
    waiting.send("GET /id HTTP/1.1\r\nHost: t\r\n\r\n");
    const auto page = metrics_of(admin);
    CHECK(page.value("weir_worker_pressure_part_ratio{worker=\"0\",part=\"memory\"}") == 1);
    CHECK(page.value("weir_memory_limit_bytes") == 16 * 1024 * 1024);
    CHECK(page.value("weir_connections_open") == 0);
    CHECK(get(admin, "/live").status == 200);
}
