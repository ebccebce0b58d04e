#include "tests/support/loadgen_tls.hpp"

#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/loadgen_report.hpp"
#include "tests/support/origin_server.hpp"

using namespace std::chrono_literals;

namespace {

/// An origin that speaks TLS, in a thread of its own.
struct running_origin {
    explicit running_origin(origin::tls_settings wanted = {}) {
        const auto files = ca.issue();
        wanted.certificate = files.certificate;
        wanted.key = files.key;
        origin::options chosen;
        chosen.tls = std::move(wanted);
        web = std::make_unique<origin::server>(std::move(chosen));
        thread = std::thread{[this] { web->run(); }};
    }
    ~running_origin() {
        web->stop();
        thread.join();
    }
    const origin::counters& stopped() {  // before its counters are read
        web->stop();
        thread.join();
        thread = std::thread{[] {}};
        return web->count();
    }
    weir::testing::test_ca ca;
    std::unique_ptr<origin::server> web;
    std::thread thread;
};

loadgen::plan plan_for(const running_origin& to, const std::string& target, std::uint64_t requests) {
    loadgen::plan p;
    p.target = loadgen::resolve(to.web->address());
    p.tls.emplace();
    p.heads = {"GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n"};
    p.requests = requests;
    p.connections = 4;
    return p;
}

loadgen::plan with_new_connections(const running_origin& to, std::uint64_t requests) {
    auto p = plan_for(to, "/id", requests);
    p.heads = {"GET /id HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"};
    p.new_connections = true;
    return p;
}

}  // namespace

TEST_CASE("loadgen: bodies come whole through TLS, over connections with one handshake each") {
    running_origin origin;
    auto p = plan_for(origin, "/bytes/70000", 50);
    p.verify = true;
    const auto found = loadgen::engine{p}.run();
    CHECK(found.by_class[2] == 50);
    CHECK(found.failed() == 0);
    CHECK(found.handshakes_full == 4);
    CHECK(found.handshake.count() == 4);
    CHECK(found.latency.max() >= found.handshake.min());
}

TEST_CASE("loadgen: a request larger than a socket takes goes through TLS") {
    running_origin origin;
    auto p = plan_for(origin, "/upload", 3);
    p.heads = {"POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 9000000\r\n\r\n"};
    p.body_bytes = 9'000'000;
    const auto found = loadgen::engine{p}.run();
    CHECK(found.by_class[2] == 3);
    CHECK(found.bytes_out > 27'000'000);
}

TEST_CASE("loadgen: a handshake for each connection, full or resumed, as the server counts them") {
    const std::string version = GENERATE("1.2", "1.3");
    running_origin origin;
    auto p = with_new_connections(origin, 20);
    p.tls->version = version;
    SECTION("full") {
        const auto found = loadgen::engine{p}.run();
        CHECK(found.answered == 20);
        CHECK(found.handshakes_full == 20);
        CHECK(origin.stopped().tls_full == 20);
    }
    SECTION("resumed, but for the first of each client") {
        p.tls->resume = true;
        const auto found = loadgen::engine{p}.run();
        CHECK(found.answered == 20);
        CHECK(found.handshakes_full == 4);
        CHECK(found.handshakes_resumed == 16);
        CHECK(origin.stopped().tls_full == 4);
        CHECK(origin.stopped().tls_resumed == 16);
    }
}

TEST_CASE("loadgen: a refused handshake is a failure of its own, with its alert") {
    running_origin origin{{.alpn = "http/1.1"}};
    auto p = plan_for(origin, "/id", 6);
    p.tls->alpn = "h2";
    const auto found = loadgen::engine{p}.run();
    CHECK(found.errors[static_cast<std::size_t>(loadgen::failure::tls)] == 6);
    CHECK(found.alerts == std::map<int, std::uint64_t>{{SSL_AD_NO_APPLICATION_PROTOCOL, 6}});
    CHECK(loadgen::as_json(found, p).contains(R"("handshakes":{"full":0,"resumed":0,"alerts":{"120":6}})"));
    CHECK(loadgen::as_table(found, p).contains("no application protocol 6"));
}

TEST_CASE("loadgen: an answer that ends with its connection must end as TLS does") {
    running_origin origin;
    auto p = plan_for(origin, "/bytes/9?close", 2);
    CHECK(loadgen::engine{p}.run().answered == 2);
    p.heads = {"GET /bytes/9?close&cut=4 HTTP/1.1\r\nHost: t\r\n\r\n"};
    CHECK(loadgen::engine{p}.run().errors[static_cast<std::size_t>(loadgen::failure::closed)] == 2);
}

TEST_CASE("loadgen: what OpenSSL does not know is said before the run") {
    CHECK_THROWS_WITH(loadgen::context_for({.version = "1.4"}), "TLS is 1.2 or 1.3, not 1.4");
    CHECK_THROWS_AS(loadgen::context_for({.ciphers = "ROT13"}), std::runtime_error);
}
