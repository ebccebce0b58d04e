/// How many handshakes there may be, at a time and in a second.
#include <sched.h>
#include <sys/socket.h>

#include <vector>

#include "tests/e2e/proxy_fixture.hpp"
#include "tests/e2e/tls_client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/prometheus_text.hpp"

using namespace weir::testing;

namespace {

/// A listener with TLS and this limit, and a plain one on the same worker.
std::string limited(test_ca& ca, const origin_process& web, const std::string& handshakes) {
    const auto files = ca.issue();
    return "workers 1;\nadmin 127.0.0.1:0;\n"
           "listen 127.0.0.1:0 { tls { certificate " +
           files.certificate + " key=" + files.key + "; handshakes " + handshakes +
           "; } route / web; }\nlisten 127.0.0.1:0 { route / web; }\nbackend web { server " + web.address() + "; }";
}

prometheus_text metrics_of(proxy& weir) {
    constexpr std::string_view mark = "admin pages at ";
    const auto line = weir.told(mark);
    const auto page = get(line.substr(line.find(mark) + mark.size()), "/metrics");
    REQUIRE(page.status == 200);
    return prometheus_text::read(page.body);
}

struct waiting_client : raw_client {
    using raw_client::raw_client;
    bool heard_nothing() const {
        char byte;
        return ::recv(descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
    }
};

const std::string handshake_record = "\x16";

}  // namespace

TEST_CASE("tls limits: one handshake too many waits until another has ended", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{limited(ca, web, "1")};
    raw_client first{weir.address()};
    waiting_client second{weir.address()};
    first.send(client_hello());
    REQUIRE(first.read_exactly(1) == handshake_record);  // and never says more
    second.send(client_hello());
    // The worker has seen the second when it has answered this.
    for (int i = 0; i < 3; ++i) CHECK(get(weir.address(1), "/bytes/1").status == 200);
    CHECK(second.heard_nothing());
    CHECK(metrics_of(weir).sum("weir_listener_tls_handshakes_open") == 1);

    first.hang_up();
    CHECK(second.read_exactly(1) == handshake_record);
    second.hang_up();
    tls_client third{weir.address()};
    CHECK(third.get("/bytes/1").status == 200);
    // One that is done is not in progress any more.
    CHECK(tls_client{weir.address()}.get("/bytes/1").status == 200);
    CHECK(metrics_of(weir).sum("weir_listener_tls_handshakes_open") == 0);
}

TEST_CASE("tls limits: on a single core no handshake goes to a thread", "[e2e][tls]") {
    cpu_set_t mine;
    REQUIRE(::sched_getaffinity(0, sizeof mine, &mine) == 0);
    int core = 0;
    while (!CPU_ISSET(core, &mine)) ++core;
    test_ca ca;
    origin_process web;
    proxy weir{limited(ca, web, "1000"), {"taskset", "-c", std::to_string(core)}};
    std::vector<raw_client> crowd;
    for (int i = 0; i < 40; ++i) crowd.emplace_back(weir.address());
    for (auto& each : crowd) each.send(client_hello());
    for (auto& each : crowd) CHECK(each.read_exactly(1) == handshake_record);
    CHECK(tls_client{weir.address()}.get("/bytes/1").status == 200);
    const auto metrics = metrics_of(weir);
    CHECK(metrics.value("weir_offload_done_total{pool=\"tls-turns-0\"}") > 0);
    CHECK(metrics.value("weir_tls_costly_steps_total{where=\"loop\"}") == 41);
    CHECK(metrics.value("weir_tls_costly_steps_total{where=\"pool\"}") == 0);
}

TEST_CASE("tls limits: handshakes beyond the rate are cut, established connections go on", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{limited(ca, web, "1000 rate=1")};
    tls_client first{weir.address()};
    REQUIRE(first.established());
    int cut = 0;
    for (int i = 0; i < 100 && cut == 0; ++i) {  // more than one in any second, however slow the machine
        std::vector<raw_client> crowd;
        crowd.reserve(10);
        for (int k = 0; k < 10; ++k) crowd.emplace_back(weir.address()).send(client_hello());
        for (auto& each : crowd) cut += each.read_exactly(1).empty();
    }
    CHECK(cut > 0);
    CHECK(eventually([&] { return metrics_of(weir).value("weir_refused_total{reason=\"handshakes_full\"}") >= cut; }));
    CHECK(first.get("/bytes/1").status == 200);
}
