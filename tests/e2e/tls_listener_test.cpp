/// A listener that speaks TLS, with clients of all kinds.
#include <csignal>

#include "tests/e2e/proxy_fixture.hpp"
#include "tests/e2e/tls_client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"

using namespace weir::testing;
using weir::tls::key_kind;
using namespace std::string_literals;

namespace {

std::string certificate_line(const weir::tls::certificate_files& files) {
    return "certificate " + files.certificate + " key=" + files.key + "; ";
}
/// A listener with this in its tls block, in front of one origin.
std::string secured(const std::string& in_tls, const origin_process& web, const std::string& in_listener = {},
                    const std::string& more = {}) {
    return "listen 127.0.0.1:0 { tls { " + in_tls + " } route / web { " + in_listener + " } } backend web { server " +
           web.address() + "; } " + more;
}

}  // namespace

TEST_CASE("tls listener: TLS 1.3 and 1.2 by default, nothing older", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{secured(certificate_line(ca.issue({.names = {"a.test"}})), web)};
    SECTION("1.3") {
        tls_client client{weir.address(), {.sni = "a.test", .ca = ca.file()}};
        REQUIRE(client.established());
        CHECK(client.version() == "TLSv1.3");
        CHECK(client.verdict() == "ok");
        const auto answer = client.get("/headers");
        CHECK(answer.status == 200);
        CHECK(answer.body.find("X-Forwarded-Proto: https") != std::string::npos);
        CHECK(client.get("/bytes/100000").body.size() == 100'000);  // kept alive
        const auto line = weir.logged("/bytes/100000");
        CHECK(line["tls"] == "TLSv1.3");
        CHECK(line["tls_cipher"].starts_with("TLS_"));
        CHECK(line["tls_us"] == weir.logged("/headers")["tls_us"]);
    }
    SECTION("1.2") {
        tls_client client{weir.address(), {.sni = "a.test", .ca = ca.file(), .max_version = TLS1_2_VERSION}};
        REQUIRE(client.established());
        CHECK(client.get("/bytes/5").status == 200);
        CHECK(weir.logged("/bytes/5")["tls"] == "TLSv1.2");
        CHECK_FALSE(client.renegotiate());
        // Said at once, not with the next answer.
        CHECK(client.problem().find("no renegotiation") != std::string::npos);
    }
    SECTION("1.1") {
        tls_client client{weir.address(),
                          {.min_version = TLS1_1_VERSION, .max_version = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"}};
        CHECK_FALSE(client.established());
        CHECK(client.alert() == SSL_AD_PROTOCOL_VERSION);
        CHECK(weir.told("client_tls_failed").contains("127.0.0.1"));
    }
}

TEST_CASE("tls listener: large bodies both ways arrive whole", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{secured(certificate_line(ca.issue()), web)};
    tls_client client{weir.address()};
    const auto down = client.get("/bytes/5000000");
    CHECK(down.whole);
    CHECK(down.body == get(web.address(), "/bytes/5000000").body);
    const std::string body(3'000'000, 'x');
    const auto up = client.ask("POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n" + body, "POST");
    CHECK(up.body.find("\"length\":3000000") != std::string::npos);
}

TEST_CASE("tls listener: a client may change keys at any time", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{secured(certificate_line(ca.issue()), web)};
    tls_client client{weir.address()};
    REQUIRE(client.established());
    for (int i = 0; i < 3; ++i) {
        REQUIRE(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
        CHECK(client.get("/bytes/100000").body.size() == 100'000);
        REQUIRE(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
        CHECK(client.get("/bytes/10").body.size() == 10);
    }
}

TEST_CASE("tls listener: the certificate is chosen by name and by what the client can verify", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    const auto lines = certificate_line(ca.issue({.names = {"a.test"}})) +
                       certificate_line(ca.issue({.names = {"*.b.test"}})) +
                       certificate_line(ca.issue({.names = {"*.b.test"}, .key = key_kind::rsa}));
    SECTION("unknown names get the first") {
        proxy weir{secured(lines, web)};
        CHECK(tls_client{weir.address(), {.sni = "a.test"}}.peer_subject() == "CN=a.test");
        CHECK(tls_client{weir.address(), {.sni = "x.b.test"}}.peer_key() == "EC");
        CHECK(tls_client{weir.address(), {.sni = "x.b.test", .signatures = "RSA-PSS+SHA256"}}.peer_key() == "RSA");
        CHECK(tls_client{weir.address(), {.sni = "other.test"}}.peer_subject() == "CN=a.test");
    }
    SECTION("or none, if so told") {
        proxy weir{secured(lines + "unknown_name refuse;", web)};
        tls_client client{weir.address(), {.sni = "other.test"}};
        CHECK_FALSE(client.established());
        CHECK(client.alert() == SSL_AD_UNRECOGNIZED_NAME);
    }
}

TEST_CASE("tls listener: ALPN", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{secured(certificate_line(ca.issue()), web)};
    CHECK(tls_client{weir.address(), {.alpn = "h2,http/1.1"}}.alpn() == "http/1.1");
    tls_client other{weir.address(), {.alpn = "h2"}};
    CHECK_FALSE(other.established());
    CHECK(other.alert() == SSL_AD_NO_APPLICATION_PROTOCOL);
}

TEST_CASE("tls listener: a session is resumed, on whatever worker", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{"workers 2; " + secured(certificate_line(ca.issue()), web)};
    tls_client first{weir.address()};
    REQUIRE(first.get("/bytes/5").status == 200);
    CHECK_FALSE(first.resumed());
    for (int i = 0; i < 6; ++i) {
        tls_client again{weir.address(), {.resume = first.session()}};
        CHECK(again.resumed());
        CHECK(again.get("/bytes/5").status == 200);
    }
}

TEST_CASE("tls listener: client certificates", "[e2e][tls]") {
    test_ca ca, clients{"clients"}, strangers{"strangers"};
    origin_process web;
    const auto own = certificate_line(ca.issue());
    const auto known = clients.issue({.names = {"alice"}});
    const auto unknown = strangers.issue({.names = {"mallory"}});
    const std::string told = "request_header set X-Client $client_certificate_subject; "
                             "request_header set X-Verdict $client_certificate_verdict;";
    SECTION("required") {
        proxy weir{secured(own + "client_certificate required ca=" + clients.file() + ";", web, told)};
        tls_client alice{weir.address(), {.certificate = known.certificate, .key = known.key}};
        const auto answer = alice.get("/headers");
        CHECK(answer.status == 200);
        CHECK(answer.body.find("X-Client: CN=alice") != std::string::npos);
        CHECK(answer.body.find("X-Verdict: ok") != std::string::npos);
        tls_client nobody{weir.address()};
        nobody.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        CHECK(nobody.read_all().empty());
        CHECK(nobody.alert().has_value());
        tls_client mallory{weir.address(), {.certificate = unknown.certificate, .key = unknown.key}};
        mallory.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        CHECK(mallory.read_all().empty());
        CHECK(weir.told("client_tls_failed: certificate refused").contains("127.0.0.1"));
    }
    SECTION("optional: the server is told, and nobody can pretend") {
        proxy weir{secured(own + "client_certificate optional ca=" + clients.file() + ";", web, told)};
        tls_client nobody{weir.address()};
        const auto without = nobody.get("/headers", "X-Client: CN=alice\r\nX-Verdict: ok\r\n");
        CHECK(without.body.find("X-Verdict: none") != std::string::npos);
        CHECK(without.body.find("CN=alice") == std::string::npos);
        tls_client mallory{weir.address(), {.certificate = unknown.certificate, .key = unknown.key}};
        const auto untrusted = mallory.get("/headers");
        CHECK(untrusted.body.find("X-Verdict: failed:") != std::string::npos);
        CHECK(untrusted.body.find("mallory") == std::string::npos);
    }
}

TEST_CASE("tls listener: an OCSP response from a file is stapled", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    const auto files = ca.issue();
    const auto staple = ca.staple_for(files.certificate);
    proxy weir{secured("certificate " + files.certificate + " key=" + files.key + " ocsp=" + staple + ";", web)};
    CHECK(tls_client{weir.address(), {.ask_for_ocsp = true}}.ocsp() == file_text(staple));
}

TEST_CASE("tls listener: plain HTTP on a TLS port and TLS on a plain one get a clear answer", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{secured(certificate_line(ca.issue()), web, "", "listen 127.0.0.1:0 { route / web; }")};
    const auto answer = get(weir.address(), "/");
    CHECK(answer.status == 400);
    CHECK(answer.why() == "plain_on_tls_port");
    CHECK(weir.told("plain_on_tls_port").contains("client 127.0.0.1"));
    tls_client client{weir.address(1)};
    CHECK_FALSE(client.established());
    CHECK(client.alert() == SSL_AD_HANDSHAKE_FAILURE);
    CHECK(weir.told("tls_on_plain_port").contains("client 127.0.0.1"));
}

TEST_CASE("tls listener: who says nothing, half or garbage is let go, and costs others nothing", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{"listen 127.0.0.1:0 { timeout tls=300ms; tls { " + certificate_line(ca.issue()) +
               " } route / web; } backend web { server " + web.address() + "; }"};
    tls_client established{weir.address()};
    REQUIRE(established.get("/bytes/5").status == 200);

    std::vector<raw_client> silent, half, garbage;
    const auto hello = client_hello();
    for (int i = 0; i < 50; ++i) {
        silent.emplace_back(weir.address());
        half.emplace_back(weir.address()).send(hello.substr(0, hello.size() / 2));
        garbage.emplace_back(weir.address()).send("\x16\x03\x01\x00\x05\xff\xff\xff\xff\xff"s);
    }
    CHECK(established.get("/bytes/5").status == 200);
    for (auto* each : {&silent, &half, &garbage})
        for (auto& client : *each) client.read_all();  // each comes to an end
    CHECK(established.get("/bytes/5").status == 200);
    CHECK(weir.told("client_tls_timeout").contains("127.0.0.1"));
    CHECK(weir.told("client_tls_failed").contains("malformed"));
}

TEST_CASE("tls listener: tcp mode terminates TLS, and its end is orderly", "[e2e][tls]") {
    test_ca ca;
    origin_process echo{{"--tcp-echo"}};
    proxy weir{"listen 127.0.0.1:0 { protocol tcp; tls { " + certificate_line(ca.issue()) +
               " } default_backend echo; } backend echo { server " + echo.address() + "; }"};
    tls_client client{weir.address()};
    REQUIRE(client.established());
    const std::string text(200'000, 'e');
    client.send(text);
    CHECK(client.read_exactly(text.size()) == text);
    client.finish_sending();
    CHECK(client.ended());
    CHECK(client.ended_orderly());
}

TEST_CASE("tls listener: a drain ends idle connections with a goodbye", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    proxy weir{secured(certificate_line(ca.issue()), web)};
    tls_client client{weir.address()};
    REQUIRE(client.get("/bytes/5").status == 200);
    weir.signal(SIGTERM);
    CHECK(client.ended());
    CHECK(client.ended_orderly());
    CHECK(weir.wait() == 0);
}
