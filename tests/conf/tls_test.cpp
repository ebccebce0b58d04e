// TLS in the configuration: what blocks mean, and one golden test per message.
#include "tests/conf/golden.hpp"

using namespace weir::conf;
using namespace weir::conf::golden;
using namespace std::chrono_literals;

namespace {

config loaded(const std::string& text, unsigned cores = 4) {
    auto result = load("proxy.conf", text, {.cores = cores, .read_file = read_file});
    INFO(render(result.found, text));
    REQUIRE(result.found.empty());
    return std::move(*result.value);
}

}  // namespace

TEST_CASE("tls: a certificate is a whole block of a listener, and one word that of a backend") {
    const auto made = loaded("listen 443 { tls { certificate a.pem; } route / web; }\n"
                             "backend web { server a:1; tls; }");
    CHECK(made.handshakes.threads == 4);
    CHECK(made.handshakes.patience == 2s);
    CHECK(made.listeners[0].timeout.tls == 10s);
    const auto& server = made.listeners[0].tls.value();
    CHECK(server.at.column == 14);
    REQUIRE(server.certificates.size() == 1);
    CHECK(server.certificates[0].certificate.path == "a.pem");
    CHECK(server.certificates[0].certificate.where.at.column == 32);
    CHECK(server.certificates[0].certificate.where.length == 5);
    CHECK(server.certificates[0].key.path == "a.pem");
    CHECK(server.certificates[0].key.where.at.column == 32);
    CHECK(server.certificates[0].ocsp.path.empty());
    CHECK_FALSE(server.refuse_unknown_names);
    CHECK(server.algorithms.min_version == tls_version::v1_2);
    CHECK(server.algorithms.ciphers == default_ciphers);
    CHECK(server.algorithms.ciphersuites == default_ciphersuites);
    CHECK(server.algorithms.curves == "X25519:P-256:P-384");
    CHECK(server.alpn == std::vector<std::string>{"http/1.1"});
    CHECK(server.clients == client_auth::off);
    CHECK(server.tickets);
    CHECK(server.ticket_lifetime == 12h);
    CHECK(server.handshakes == 1000);
    CHECK(server.handshake_rate == 0);

    CHECK(made.backends[0].timeout.tls == 3s);
    const auto& client = made.backends[0].tls.value();
    CHECK(client.at.line == 2);
    CHECK(client.verify);
    CHECK(client.ca.path.empty());
    CHECK(client.name.empty());
    CHECK(client.certificate.path.empty());
    CHECK(client.key.path.empty());
    CHECK(client.algorithms == server.algorithms);
    CHECK(client.alpn == std::vector<std::string>{"http/1.1"});
}

TEST_CASE("tls: what is written replaces the default") {
    const auto made = loaded(R"(
        handshakes threads=2 patience=1s;
        listen 443 {
            timeout tls=1s;
            tls {
                certificate a.pem key=a.key ocsp=a.ocsp;
                certificate /etc/b.pem;
                unknown_name refuse; min_version 1.3; ciphersuites A:B; curves P-256; alpn http/1.1,http/1.0;
                client_certificate required ca=clients.pem; tickets on lifetime=1h; handshakes 5 rate=6;
            }
            route / web;
        }
        backend web {
            server a:1; timeout tls=2s;
            tls { ca ca.pem; name B.example; certificate c.pem; min_version 1.2; ciphers C:D; curves X25519; alpn off; }
        })");
    CHECK(made.handshakes.threads == 2);
    CHECK(made.handshakes.patience == 1s);
    CHECK(made.listeners[0].timeout.tls == 1s);
    const auto& server = *made.listeners[0].tls;
    REQUIRE(server.certificates.size() == 2);
    CHECK(server.certificates[0].key.path == "a.key");
    CHECK(server.certificates[0].key.where.at.column == 35);
    CHECK(server.certificates[0].ocsp.path == "a.ocsp");
    CHECK(server.certificates[1].key.path == "/etc/b.pem");
    CHECK(server.refuse_unknown_names);
    CHECK(server.algorithms.min_version == tls_version::v1_3);
    CHECK(server.algorithms.ciphersuites == "A:B");
    CHECK(server.algorithms.curves == "P-256");
    CHECK(server.alpn == std::vector<std::string>{"http/1.1", "http/1.0"});
    CHECK(server.clients == client_auth::required);
    CHECK(server.client_ca.path == "clients.pem");
    CHECK(server.client_ca.where.at.line == 9);
    CHECK(server.ticket_lifetime == 1h);
    CHECK(server.handshakes == 5);
    CHECK(server.handshake_rate == 6);
    CHECK(made.backends[0].timeout.tls == 2s);
    const auto& client = *made.backends[0].tls;
    CHECK(client.ca.path == "ca.pem");
    CHECK(client.name == "b.example");
    CHECK(client.certificate.path == "c.pem");
    CHECK(client.key.path == "c.pem");
    CHECK(client.algorithms.ciphers == "C:D");
    CHECK(client.alpn.empty());
}

TEST_CASE("tls: handshakes have a thread for each core") {
    const auto threads = [](unsigned cores) {
        return loaded("listen 1 { route / web; }" + web, cores).handshakes.threads;
    };
    CHECK(threads(0) == 1);
    CHECK(threads(1) == 1);
    CHECK(threads(2) == 2);
    CHECK(threads(8) == 8);
    CHECK(threads(200) == 64);
}

TEST_CASE("tls: by default ALPN says HTTP where HTTP is spoken") {
    const auto made = loaded(R"(
        listen 1 { protocol tcp; tls { certificate a; } default_backend bytes; }
        listen 2 { tls { certificate a; } protocol tcp; default_backend both; }
        listen 3 { route / web; }
        listen 4 { default_backend both; }
        backend bytes { server a:1; tls; }
        backend both { server a:1; tls; }
        backend web { server a:1; tls; fallback backend spare; }
        backend spare { server b:1; tls; }
        )");
    CHECK(made.listeners[0].tls->alpn.empty());
    CHECK(made.listeners[1].tls->alpn.empty());
    CHECK(made.backends[0].tls->alpn.empty());
    for (auto i : {1, 2, 3}) CHECK(made.backends[i].tls->alpn == std::vector<std::string>{"http/1.1"});
}

TEST_CASE("tls: sni routes of a tcp listener") {
    const auto made = loaded(R"(
        listen 1 { protocol tcp; sni A.example,*.b.example web; sni * other alpn=h2,x; sni * web; }
        backend web { server a:1; }
        backend other { server b:1; })");
    const auto& sni = made.listeners[0].sni;
    REQUIRE(sni.size() == 3);
    CHECK(sni[0].at.column == 34);
    CHECK(sni[0].names == std::vector<std::string>{"a.example", "*.b.example"});
    CHECK(sni[0].backend == 0);
    CHECK(sni[1].names.empty());
    CHECK(sni[1].backend == 1);
    CHECK(sni[1].alpn == std::vector<std::string>{"h2", "x"});
    CHECK_FALSE(made.listeners[0].default_backend);
}
