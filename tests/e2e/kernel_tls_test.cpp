/// Large responses whose records the kernel seals. Hidden, since not every kernel has it: `make kernel` runs them.
#include <csignal>

#include "lib/net/kernel_tls.hpp"
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/e2e/tls_client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/prometheus_text.hpp"

using namespace weir::testing;
using namespace std::string_literals;

namespace {

constexpr const char* tags = "[.kernel_tls]";
constexpr int little = 16 * 1024;  // so that a large answer has to wait for its client

struct kernel_sealed {
    explicit kernel_sealed(const std::string& in_tls = {}, const std::string& before = {})
        : weir{before + "admin 127.0.0.1:0; listen 127.0.0.1:0 { tls { certificate " + files.certificate + " key=" +
               files.key + "; " + in_tls + " } route / web; } backend web { server " + web.address() + "; }"} {
        REQUIRE(weir::kernel_tls::is_there());
        auto line = weir.told("admin pages at ");
        admin = line.substr(line.rfind(' ') + 1);
    }
    double count() const {
        return prometheus_text::read(get(admin, "/metrics").body).value("weir_tls_kernel_connections_total");
    }
    std::string bytes(int n) const { return get(web.address(), "/bytes/" + std::to_string(n)).body; }

    test_ca ca;
    ::weir::tls::certificate_files files = ca.issue();
    origin_process web;
    proxy weir;
    std::string admin;
};

}  // namespace

TEST_CASE("kernel tls: large bodies come whole, and what follows them on the connection", tags) {
    kernel_sealed world;
    const char* suite = GENERATE("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256");
    tls_client client{world.weir.address(), {.ciphersuites = suite}};
    CHECK(client.get("/bytes/5").body == world.bytes(5));
    CHECK(world.count() == 0);
    for (const int size : {3'000'000, 10, 200'000, 100'000, 131'073, 1'000'001}) {
        const auto answer = client.get("/bytes/" + std::to_string(size));
        CHECK(answer.whole);
        CHECK(answer.body == world.bytes(size));
    }
    INFO(suite);
    CHECK(world.count() == 1);
    const std::string body(300'000, 'x');
    const auto up = client.ask("POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 300000\r\n\r\n" + body, "POST");
    CHECK(up.body.contains("\"length\":300000"));
}

TEST_CASE("kernel tls: not for TLS 1.2, and not where it is off", tags) {
    const bool off = GENERATE(true, false);
    kernel_sealed world{off ? "kernel_tls off;" : ""};
    tls_client client{world.weir.address(), {.max_version = off ? 0 : TLS1_2_VERSION}};
    CHECK(client.get("/bytes/1000000").body == world.bytes(1'000'000));
    CHECK(world.count() == 0);
}

TEST_CASE("kernel tls: a connection that closes after a large answer loses nothing of it", tags) {
    kernel_sealed world;
    tls_client client{world.weir.address(), {.receive_buffer = little}};
    const auto answer = client.ask("GET /bytes/5000000 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    CHECK(answer.body == world.bytes(5'000'000));
    CHECK(client.ended());
    CHECK(client.ended_orderly());
}

TEST_CASE("kernel tls: a drain waits for what the kernel has still to send", tags) {
    kernel_sealed world{"", "drain lame_duck=0s deadline=60s; "};
    tls_client client{world.weir.address(), {.receive_buffer = little}};
    client.send("GET /bytes/3000000 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    const auto head = client.read_until("\r\n\r\n");
    REQUIRE(head.starts_with("HTTP/1.1 200"));
    world.weir.signal(SIGTERM);
    world.weir.told("draining");
    CHECK(client.read_exactly(3'000'000) == world.bytes(3'000'000));
    CHECK(client.ended());
    CHECK(client.ended_orderly());
    CHECK(world.weir.wait() == 0);
}

TEST_CASE("kernel tls: a server that breaks off in the middle is seen as that", tags) {
    kernel_sealed world;
    tls_client client{world.weir.address()};
    const auto answer = client.get("/bytes/3000000?cut=2000000");
    CHECK_FALSE(answer.whole);
}

TEST_CASE("kernel tls: a client that wants new keys after it is told that there are none", tags) {
    kernel_sealed world;
    tls_client client{world.weir.address()};
    REQUIRE(client.get("/bytes/100").status == 200);
    REQUIRE(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
    CHECK(client.get("/bytes/1000000").body == world.bytes(1'000'000));  // before it: as ever
    REQUIRE(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
    client.get("/bytes/100");
    CHECK(client.alert() == SSL_AD_INTERNAL_ERROR);
    CHECK(get(world.web.address(), "/bytes/5").status == 200);
}
