/// Connections, descriptors and memory are bounded, and the bounds hold without harm.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/e2e/tls_client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/origin_digest.hpp"

#include <deque>

using namespace weir::testing;

namespace {

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define WEIR_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(WEIR_SANITIZED)
constexpr bool measures = false;  // a sanitizer's own memory and time are larger than what is to be measured
#else
constexpr bool measures = true;
#endif

/// Until a counter of the origin stands still over many round trips through weir.
void wait_until_still(const proxy& weir, const origin_process& web, const char* counter) {
    raw_client client{weir.address(1)};
    long before = -1;
    int still = 0;
    REQUIRE(eventually([&] {
        REQUIRE(client.get("/id?delay=5ms").status == 200);
        const auto now = origin_count(web.address(), counter);
        still = now - before < 2000 ? still + 1 : 0;  // the questions themselves count a little
        before = now;
        return still == 20;
    }));
}

}  // namespace

TEST_CASE("max_connections: more clients wait in the kernel, and come in when others leave", "[e2e]") {
    origin_process web;
    const auto* where = GENERATE("listener", "process");
    const bool of_listener = std::string_view{where} == "listener";
    const auto workers = GENERATE("workers 1;\n", "workers 2;\n");
    proxy weir{(of_listener ? "" : "max_connections 2;\n") + std::string{workers} +
               simple({web.address()}, of_listener ? "max_connections 2;" : "")};
    raw_client one{weir.address()}, two{weir.address()}, three{weir.address()};
    CHECK(one.get("/id").status == 200);
    CHECK(two.get("/id").status == 200);
    three.send("GET /bytes/3 HTTP/1.1\r\nHost: t\r\n\r\n");
    for (int i = 0; i < 20; ++i) {
        CHECK(one.get("/id?delay=1ms").status == 200);
        CHECK(two.get("/id?delay=1ms").status == 200);
    }
    CHECK(origin_count(web.address(), "requests") == 42);  // the third has not been heard
    one.hang_up();
    CHECK(three.answer().body == origin::known_bytes(0, 3));
    raw_client four{weir.address()};
    two.hang_up();
    CHECK(four.get("/id").status == 200);
}

TEST_CASE("few descriptors: nobody is dropped, nothing spins, and traffic goes on", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}), {"/bin/sh", "-c", "ulimit -n 128; exec \"$@\"", "sh"}};
    CHECK(weir.told("ready: ").contains("at most "));
    std::deque<raw_client> crowd;
    for (int i = 0; i < 100; ++i)
        crowd.emplace_back(weir.address()).send("GET /id?delay=2ms HTTP/1.1\r\nHost: t\r\n\r\n");
    // Those who are in keep what there is; the rest waits in the backlog while these go on for a while.
    CHECK(crowd.front().answer().status == 200);
    const auto before = weir.cpu_time();
    for (int i = 0; i < 200; ++i) CHECK(crowd.front().get("/id?delay=5ms").status == 200);
    if (measures) CHECK(weir.cpu_time() - before < std::chrono::milliseconds{400});  // of more than a second
    crowd.pop_front();
    int served = 1;
    for (; !crowd.empty(); crowd.pop_front()) served += crowd.front().answer().status == 200;
    CHECK(served == 100);
    CHECK(get(weir.address(), "/id").status == 200);
}

TEST_CASE("memory: idle connections, 1 KiB each at most", "[e2e]") {
    if (!measures) return;
    constexpr int many = 4000;
    origin_process web;
    proxy weir{simple({web.address()})};
    std::deque<raw_client> clients;
    const auto open_more = [&](int n) {
        for (int i = 0; i < n; ++i) CHECK(clients.emplace_back(weir.address()).get("/bytes/10").status == 200);
    };
    open_more(500);
    const auto before = weir.resident_kib();
    open_more(many);
    const auto growth = weir.resident_kib() - before;
    INFO("KiB for all: " << growth);
    CHECK(growth <= many);
    CHECK(clients.front().get("/bytes/10").status == 200);
}

TEST_CASE("memory: idle TLS connections, less than 6 KiB each", "[e2e][tls]") {
    if (!measures) return;
    constexpr int many = 1000;
    test_ca ca;
    const auto files = ca.issue();
    origin_process web;
    proxy weir{"listen 127.0.0.1:0 { tls { certificate " + files.certificate + " key=" + files.key +
               "; } route / web; } backend web { server " + web.address() + "; }"};
    std::deque<tls_client> clients;
    const auto open_more = [&](int n) {
        for (int i = 0; i < n; ++i) CHECK(clients.emplace_back(weir.address()).get("/bytes/10").status == 200);
    };
    open_more(300);
    const auto before = weir.resident_kib();
    open_more(many);
    const auto growth = weir.resident_kib() - before;
    INFO("KiB for all: " << growth);
    CHECK(clients.front().version() == "TLSv1.3");
    // 3.3 on a calm machine. On a busy one more handshakes go to threads, whose heaps keep some of what they had.
    CHECK(growth <= many * 6);
    CHECK(clients.front().get("/bytes/10").status == 200);
}

TEST_CASE("max_connections beyond the descriptors is lowered, with a warning", "[e2e]") {
    proxy weir{"max_connections 100000;\nlisten 127.0.0.1:0 { route / { respond 200; } }",
               {"/bin/sh", "-c", "ulimit -n 1000; exec \"$@\"", "sh"}};
    CHECK(weir.told("max_connections 100000").contains("descriptors"));
    CHECK(get(weir.address(), "/").status == 200);
}

TEST_CASE("memory: clients that do not read and servers that do not, 256 KiB each at most", "[e2e]") {
    if (!measures) return;
    constexpr int many = 20;
    constexpr long bound_kib = many * 256;
    origin_process web, idle;
    proxy weir{"listen 127.0.0.1:0 { route / web; }\nlisten 127.0.0.1:0 { route / idle; }\n"
               "backend web { server " +
               web.address() + "; }\nbackend idle { server " + idle.address() + "; }"};
    for (int i = 0; i < 50; ++i) {
        CHECK(get(weir.address(0), "/bytes/1000000").status == 200);
        CHECK(get(weir.address(1), "/bytes/1000000?chunked").status == 200);
    }
    std::deque<raw_client> clients;
    const auto before = weir.resident_kib();
    SECTION("a response of 1 GiB") {
        const std::string target = GENERATE("/bytes/1073741824", "/bytes/1073741824?chunked");
        for (int i = 0; i < many; ++i)
            clients.emplace_back(weir.address(), 4096).send("GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n");
        for (auto& each : clients) CHECK(each.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
        wait_until_still(weir, web, "bytes_sent");
        CHECK(origin_count(web.address(), "in_flight") == many);
    }
    SECTION("an upload of 1 GiB") {
        const bool in_chunks = GENERATE(false, true);
        const std::string framing =
            in_chunks ? "Transfer-Encoding: chunked\r\n\r\n40000000\r\n" : "Content-Length: 1073741824\r\n\r\n";
        for (int i = 0; i < many; ++i)
            clients.emplace_back(weir.address()).send("PUT /upload?noread&silent HTTP/1.1\r\nHost: t\r\n" + framing);
        raw_client round_trips{weir.address(1)};
        const std::string piece(1 << 18, 'x');
        int still = 0;
        REQUIRE(eventually([&] {
            std::size_t taken = 0;
            for (auto& each : clients) taken += each.send_what_fits(piece);
            still = taken == 0 ? still + 1 : 0;
            REQUIRE(round_trips.get("/id?delay=5ms").status == 200);
            return still == 20;
        }));
        CHECK(origin_count(web.address(), "in_flight") == many);
    }
    const auto growth = weir.resident_kib() - before;
    INFO("KiB each: " << growth / many);
    CHECK(growth <= bound_kib);
}
