/// Servers that speak TLS.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"

using namespace weir::testing;

namespace {

std::vector<std::string> serving(const weir::tls::certificate_files& files) {
    return {"--tls-cert", files.certificate, "--tls-key", files.key};
}
std::string to(const origin_process& web, const std::string& in_tls, const std::string& in_backend = {}) {
    return "listen 127.0.0.1:0 { route / web; } backend web { server " + web.address() + "; retry 0; tls { " + in_tls +
           " } " + in_backend + " }";
}

}  // namespace

TEST_CASE("tls backend: a server that proves its name is talked to, on kept connections", "[e2e][tls]") {
    test_ca ca;
    origin_process web{serving(ca.issue({.names = {"web.internal"}}))};
    proxy weir{to(web, "ca " + ca.file() + "; name web.internal;")};
    raw_client client{weir.address()};
    CHECK(client.get("/bytes/100000").body.size() == 100'000);
    CHECK(client.get("/bytes/100001").body.size() == 100'001);
    CHECK(weir.logged("/bytes/100001")["reused"] == "true");
    const std::string body(1'000'000, 'x');
    const auto up = client.ask("POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n" + body, "POST");
    CHECK(up.body.find("\"length\":1000000") != std::string::npos);
}

TEST_CASE("tls backend: by its address, where the certificate has that", "[e2e][tls]") {
    test_ca ca;
    origin_process web{serving(ca.issue({.names = {"127.0.0.1"}}))};
    proxy weir{to(web, "ca " + ca.file() + ";")};
    CHECK(get(weir.address(), "/bytes/5").status == 200);
}

TEST_CASE("tls backend: a server that does not is refused, and the client learns why", "[e2e][tls]") {
    test_ca ca, strangers{"strangers"};
    SECTION("of another name") {
        origin_process web{serving(ca.issue({.names = {"other.internal"}}))};
        proxy weir{to(web, "ca " + ca.file() + "; name web.internal;")};
        const auto answer = get(weir.address(), "/");
        CHECK(answer.status == 502);
        CHECK(answer.why() == "tls_certificate");
        CHECK(weir.told("tls_certificate").find("ostname mismatch") != std::string::npos);
    }
    SECTION("of an authority that is not trusted") {
        origin_process web{serving(strangers.issue({.names = {"web.internal"}}))};
        proxy weir{to(web, "ca " + ca.file() + "; name web.internal;")};
        CHECK(get(weir.address(), "/").why() == "tls_certificate");
    }
    SECTION("expired") {
        origin_process web{serving(ca.issue(
            {.names = {"web.internal"}, .valid_since = -std::chrono::days{9}, .valid_for = -std::chrono::days{2}}))};
        proxy weir{to(web, "ca " + ca.file() + "; name web.internal;")};
        CHECK(get(weir.address(), "/").why() == "tls_certificate");
        CHECK(weir.told("certificate has expired").find("tls_certificate") != std::string::npos);
    }
    SECTION("any of them, where verification is off") {
        origin_process web{serving(strangers.issue())};
        proxy weir{to(web, "verify off;")};
        CHECK(get(weir.address(), "/bytes/5").status == 200);
    }
    SECTION("one that speaks something else") {
        origin_process web{{"--tcp-source", "100"}};
        proxy weir{to(web, "verify off;")};
        const auto answer = get(weir.address(), "/");
        CHECK(answer.status == 502);
        CHECK(answer.why() == "tls_failed");
    }
    SECTION("a silent one") {
        raw_server silent;
        proxy weir{"listen 127.0.0.1:0 { route / web; } backend web { server " + silent.address() +
                   "; retry 0; timeout tls=100ms; tls { verify off; } }"};
        const auto answer = get(weir.address(), "/");
        CHECK(answer.status == 504);
        CHECK(answer.why() == "tls_timeout");
    }
}

TEST_CASE("tls backend: our certificate is shown to servers that ask", "[e2e][tls]") {
    test_ca ca, clients{"clients"};
    auto arguments = serving(ca.issue({.names = {"web.internal"}}));
    arguments.insert(arguments.end(), {"--tls-client-ca", clients.file()});
    origin_process web{arguments};
    const auto ours = clients.issue({.names = {"weir"}});
    SECTION("shown") {
        proxy weir{to(web, "ca " + ca.file() + "; name web.internal; certificate " + ours.certificate +
                               " key=" + ours.key + ";")};
        CHECK(get(weir.address(), "/bytes/5").status == 200);
    }
    SECTION("not there") {
        proxy weir{to(web, "ca " + ca.file() + "; name web.internal;")};
        CHECK(get(weir.address(), "/bytes/5").status == 502);
    }
}

TEST_CASE("tls backend: another server is tried when a handshake fails", "[e2e][tls]") {
    test_ca ca;
    origin_process plain, web{serving(ca.issue({.names = {"web.internal"}}))};
    proxy weir{"listen 127.0.0.1:0 { route / web; } backend web { server " + plain.address() + "; server " +
               web.address() + "; balance round_robin; timeout tls=1s; tls { ca " + ca.file() +
               "; name web.internal; } }"};
    for (int i = 0; i < 4; ++i) CHECK(get(weir.address(), "/bytes/5").status == 200);
}

TEST_CASE("tls backend: health checks shake hands too", "[e2e][tls]") {
    test_ca ca;
    origin_process web{serving(ca.issue({.names = {"web.internal"}}))};
    proxy weir{to(web, "ca " + ca.file() + "; name web.internal;", "health GET /bytes/1 every=100ms rise=1 fall=1;")};
    proxy doubtful{
        to(web, "ca " + ca.file() + "; name other.internal;", "health GET /bytes/1 every=100ms rise=1 fall=1;")};
    CHECK(doubtful.told("is down").find("ostname mismatch") != std::string::npos);
    CHECK(get(weir.address(), "/bytes/5").status == 200);  // checked for longer, and still in use
}
