// TLS in the configuration: what blocks mean, and one golden test per message.
#include <algorithm>

#include "tests/conf/golden.hpp"
#include "tests/support/property.hpp"

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
    CHECK(server.algorithms.ciphers == weir::tls::default_ciphers);
    CHECK(server.algorithms.ciphersuites == weir::tls::default_ciphersuites);
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

// ---- messages ----

namespace {

std::string in_tls(const std::string& it) { return in_listen("tls { certificate a;\n" + it + "\n}"); }
std::string in_client_tls(const std::string& it) { return in_backend("tls {\n" + it + "\n}"); }
std::string in_sni(const std::string& it) {
    return "listen 1 { protocol tcp;\n" + it + "\n}\nbackend web { server a:1; }\n";
}
/// A route of a listener that asks for certificates.
std::string in_asking(const std::string& mode, const std::string& it) {
    return "listen 1 { tls { certificate a; client_certificate " + mode + " ca=b; }\nroute / web {\n" + it + "\n} }" +
           web;
}

}  // namespace

TEST_CASE("tls messages: blocks", "[golden]") {
    CHECK(found_in(in_listen("tls;")) == messages{"2:1+3 error: 'tls' needs a block in braces"});
    CHECK(found_in(in_listen("tls { }")) ==
          messages{"2:1+3 error: 'tls' needs a certificate: certificate FILE key=FILE"});
    CHECK(found_in(in_listen("tls { certificate a; }\ntls { certificate b; }")) ==
          messages{"3:1+3 error: 'tls' is given twice", "2:1+3 note: first given here"});
    CHECK(found_in(in_backend("tls;\ntls { }")) ==
          messages{"3:1+3 error: 'tls' is given twice", "2:1+3 note: first given here"});
    CHECK(found_in(in_backend("tls on;")) == messages{"2:5+2 error: 'tls' takes no arguments; 'on' is one too many"});
    CHECK(found_in(in_top("tls { }")) ==
          messages{"1:1+3 error: unknown directive 'tls'; it stands in 'listen' and in 'backend'"});
    CHECK(found_in(in_tls("cerificate b;")) ==
          messages{"3:1+10 error: unknown directive 'cerificate' in 'tls' of 'listen'; did you mean 'certificate'?"});
    CHECK(found_in(in_tls("key b;")) ==
          messages{"3:1+3 error: unknown directive 'key' in 'tls' of 'listen'; it is an argument of 'certificate'"});
    CHECK(found_in(in_tls("ca b;")) ==
          messages{"3:1+2 error: unknown directive 'ca' in 'tls' of 'listen'; it is an argument of "
                   "'client_certificate' and in 'tls' of 'backend'"});
    CHECK(found_in(in_listen("certificate b;")) ==
          messages{"2:1+11 error: unknown directive 'certificate' in 'listen'; it stands in 'tls' of 'listen' and in "
                   "'tls' of 'backend'"});
    CHECK(found_in(in_listen("ssl_certificate b;")) ==
          messages{"2:1+15 error: unknown directive 'ssl_certificate' in 'listen'; weir says 'certificate'"});
    CHECK(found_in(in_tls("certificate;")) == messages{"3:1+11 error: 'certificate' needs FILE: the path of a file"});
    CHECK(found_in(in_tls("certificate \"\";")) ==
          messages{"3:13+2 error: 'certificate' takes the path of a file, not ''"});
    CHECK(found_in(in_tls("certificate b kee=c;")) ==
          messages{"3:15+5 error: unknown argument 'kee' of 'certificate'; did you mean 'key'?"});
    CHECK(found_in(in_tls("certificate a key=c;")) ==
          messages{"3:13+1 warning: the same certificate twice", "2:19+1 note: first given here"});
    CHECK(found_in(in_top("handshakes threads=65;")) ==
          messages{"1:12+10 error: 'threads=' takes auto or a whole number from 1 to 64, not '65'"});
}

TEST_CASE("tls messages: versions, ciphers, protocols", "[golden]") {
    CHECK(found_in(in_tls("min_version 1.1;")) == messages{"3:13+3 error: 'min_version' takes 1.2 or 1.3, not '1.1'"});
    CHECK(found_in(in_tls("ciphers A,B;")) ==
          messages{"3:9+3 error: 'ciphers' takes a list of OpenSSL's names with ':' between, not 'A,B'; the names of "
                   "this list have ':' between them"});
    CHECK(
        found_in(in_tls("curves X25519::P-256;")) ==
        messages{"3:8+13 error: 'curves' takes a list of OpenSSL's names with ':' between, not 'X25519::P-256'; a name "
                 "of the list is empty"});
    CHECK(
        found_in(in_client_tls("ciphersuites A:/;")) ==
        messages{"3:14+3 error: 'ciphersuites' takes a list of OpenSSL's names with ':' between, not 'A:/'; '/' is not "
                 "one"});
    CHECK(found_in(in_tls("min_version 1.3;\nciphers A;")) ==
          messages{"4:9+1 warning: 'ciphers' are for TLS 1.2, which 'min_version 1.3' leaves out; those of TLS 1.3 are "
                   "'ciphersuites'"});
    CHECK(found_in(in_tls("ciphers HIGH:!aNULL:DES-CBC3-SHA;")) ==
          messages{"3:9+24 warning: 'DES-CBC3-SHA' is too weak to protect anything"});
    CHECK(found_in(in_client_tls("ciphers ALL:@SECLEVEL=0;")) ==
          messages{"3:9+15 warning: '@SECLEVEL=0' is too weak to protect anything"});
    CHECK(found_in(in_tls("alpn h2,http/1.1;")) ==
          messages{
              "3:6+11 error: in http mode weir speaks HTTP/1.1 with clients, not 'h2'; 'alpn' takes http/1.1 or off"});
    CHECK(found_in(in_client_tls("alpn h2;")) ==
          messages{
              "3:6+2 error: in http mode weir speaks HTTP/1.1 with servers, not 'h2'; 'alpn' takes http/1.1 or off"});
    CHECK(found_in(in_tcp("tls { certificate a; alpn h2; }")) == messages{});
    CHECK(found_in("listen 1 { protocol tcp; default_backend web; }\nbackend web { server a:1; tls { alpn h2; } }") ==
          messages{});
    CHECK(
        found_in(in_tls("alpn HTTP/1.1;")) ==
        messages{"3:6+8 error: 'alpn' takes off or a list of protocols such as http/1.1, not 'HTTP/1.1'; it is written "
                 "http/1.1"});
    CHECK(found_in(in_tls("alpn " + std::string(256, 'x') + ";")).size() == 1);
    CHECK(found_in(in_tls("tickets off lifetime=1h;")) ==
          messages{"3:13+11 warning: 'lifetime=' means nothing with 'tickets off'"});
}

TEST_CASE("tls messages: certificates of clients", "[golden]") {
    CHECK(found_in(in_tls("client_certificate required;")) ==
          messages{
              "3:20+8 error: 'client_certificate required' needs ca=FILE: the authorities whose certificates clients "
              "may have"});
    CHECK(found_in(in_tls("client_certificate off ca=b;")) ==
          messages{"3:24+4 warning: 'ca=' means nothing with 'client_certificate off'"});
    CHECK(found_in(in_tls("client_certificate optional ca=b;")) ==
          messages{"3:20+8 warning: nobody learns what an optional certificate was worth: no 'request_header' of this "
                   "listener has $client_certificate_verdict"});
    CHECK(found_in(in_tcp("tls { certificate a; client_certificate optional ca=b; }")) ==
          messages{
              "2:41+8 warning: in tcp mode nobody learns what an optional certificate was worth; 'required' refuses"});
    CHECK(found_in(in_asking("optional", "request_header set X-Client $client_certificate_verdict;")) == messages{});
    CHECK(
        found_in(in_asking("required", "request_header add X-Client $client_certificate_subject;")) ==
        messages{"3:16+3 warning: 'add' keeps what the client itself sent as 'X-Client': it may claim any certificate; "
                 "'set' replaces it"});
    CHECK(found_in(in_asking("required", "response_header add X-Client $client_certificate_serial;")) == messages{});
    CHECK(found_in(in_route("request_header set X $client_certificate_subject;")) ==
          messages{"2:16+3 warning: '$client_certificate_subject' tells nothing: this listener asks for no "
                   "'client_certificate'"});
    CHECK(found_in(in_route("response_header set X $tls_version;")) ==
          messages{"2:17+3 warning: '$tls_version' is always empty: this listener has no 'tls'"});
    CHECK(found_in(in_route("request_header set X $client_certificate_subjet;")) ==
          messages{"2:22+26 error: 'request_header' takes the value of a header, not '$client_certificate_subjet'; "
                   "unknown variable '$client_certificate_subjet'; did you mean '$client_certificate_subject'?"});
}

TEST_CASE("tls messages: redirects", "[golden]") {
    const auto with = [](const std::string& listener, const std::string& to) {
        return found_in("listen " + listener + " { tls { certificate a; }\nroute / { redirect 308 " + to + "; } }");
    };
    const messages again{
        "2:11+8 warning: this listener speaks TLS already: the redirect leads back to it, again and again"};
    CHECK(with("443", "https://$host$target") == again);
    CHECK(with("8443", "https://$host$target") == again);
    CHECK(with("443", "http://$host$target") == messages{"2:11+8 warning: this redirect leads from TLS to plain HTTP"});
    CHECK(with("443", "https://other$target") == messages{});
    CHECK(found_in("listen 80 { route / { redirect 308 https://$host$target; } }\n"
                   "listen 443 { tls { certificate a; } route / { respond 200; } }\n"
                   "listen 8443 { tls { certificate a; } route / { redirect 308 https://$host$target; } }") ==
          messages{});
}

TEST_CASE("tls messages: sni", "[golden]") {
    CHECK(found_in(in_listen("sni a.b web;")) ==
          messages{"2:5+3 error: 'sni' is for listeners with 'protocol tcp'; with http a route has host="});
    CHECK(found_in(in_sni("tls { certificate a; }\nsni a.b web;\ndefault_backend web;")) ==
          messages{"3:5+3 error: 'sni' passes TLS on unopened, but the 'tls' of this listener opens it",
                   "2:1+3 note: the block is here"});
    CHECK(
        found_in(in_sni("sni a.b web;")) ==
        messages{"1:8+1 warning: who asks for another name is closed; 'sni * BACKEND' or 'default_backend' would take "
                 "them"});
    CHECK(found_in(in_sni("sni * web;")) == messages{});
    CHECK(found_in(in_sni("sni a.b web;\ndefault_backend web;")) == messages{});
    CHECK(found_in(in_sni("sni * wbe;")) == messages{"2:7+3 error: unknown backend 'wbe'; did you mean 'web'?"});
    CHECK(found_in(in_sni("sni *;")) == messages{"2:1+3 error: 'sni' needs BACKEND: the name of a backend"});
    CHECK(found_in(in_sni("sni *,a.b web;")) ==
          messages{"2:5+5 error: 'sni' takes * or a list of host names such as example.com,*.example.com, not '*,a.b'; "
                   "'*': '*' stands only for the first labels: *.example.com"});
    CHECK(found_in(in_sni("sni 10.0.0.1 web;\nsni * web;")) ==
          messages{"2:5+8 error: '10.0.0.1' is an address; a ClientHello tells names only (RFC 6066)"});
    CHECK(found_in(in_sni("sni *.b web alpn=h2,x;\nsni a.b web alpn=x;\nsni a.b web;\nsni * web;\nsni c web;")) ==
          messages{"3:5+3 warning: this 'sni' never matches: an earlier one takes all its connections",
                   "2:5+3 note: the earlier one is here",
                   "6:5+1 warning: this 'sni' never matches: an earlier one takes all its connections",
                   "5:5+1 note: the earlier one is here"});
    CHECK(found_in("listen 1 { protocol tcp;\nsni * a; }\nbackend a { server a:1; fallback respond sorry; }") ==
          messages{"2:5+1 error: a tcp listener cannot answer by itself, as the fallback of backend 'a' wants; only "
                   "'fallback backend' works for it",
                   "3:34+7 note: the fallback is here"});
}

TEST_CASE("tls messages: servers", "[golden]") {
    CHECK(found_in(in_client_tls("verify off;")) ==
          messages{"3:8+3 warning: with 'verify off' whoever gets between weir and a server can read and change "
                   "everything"});
    CHECK(found_in(in_client_tls("verify off;\nca b;")).back() ==
          "4:4+1 warning: 'ca' means nothing with 'verify off'");
    CHECK(found_in(in_backend("server unix:/b;\ntls;")) ==
          messages{"2:8+7 error: a Unix socket has no host to check the server's certificate against; 'tls' needs a "
                   "'name'",
                   "3:1+3 note: the block is here"});
    CHECK(found_in(in_backend("server unix:/b;\ntls { name b.c; }")) == messages{});
    CHECK(
        found_in(in_client_tls("name b.c:443;")) ==
        messages{"3:6+7 error: 'name' takes a host name or an IP address, not 'b.c:443'; names are compared without a "
                 "port"});
    CHECK(found_in(in_client_tls("name [::1];")) ==
          messages{"3:6+5 error: 'name' takes a host name or an IP address, not '[::1]'; here an IPv6 address stands "
                   "without brackets"});
    CHECK(found_in(in_client_tls("name *.b;")) ==
          messages{"3:6+3 error: 'name' takes a host name or an IP address, not '*.b'"});
}

TEST_CASE("tls: lines in any order, twice or not at all: a configuration or an error", "[property]") {
    static constexpr std::string_view lines[] = {
        "listen 443 {",
        "listen 1 { protocol tcp;",
        "protocol tcp;",
        "default_backend web;",
        "tls {",
        "tls;",
        "certificate a key=b ocsp=c;",
        "certificate;",
        "client_certificate optional ca=b;",
        "client_certificate required;",
        "alpn h2,http/1.1;",
        "alpn off;",
        "min_version 1.3;",
        "ciphers RC4:A;",
        "tickets off lifetime=1h;",
        "verify off;",
        "ca b;",
        "name b;",
        "sni * web alpn=x;",
        "sni a.b,*.c other;",
        "sni 10.0.0.1;",
        "route / { redirect 308 https://$host$target; }",
        "route / { redirect 308; }",
        "route / web { request_header add X $client_certificate_subject; response_header set Y $sni; }",
        "route / web { request_header add X; request_header; }",
        "}",
        "backend web { server unix:/a;",
        "backend other { server a:1; fallback respond sorry;",
    };
    rc::prop("no line is followed into nothing", [](const std::vector<std::uint8_t>& order) {
        std::string text;
        for (auto each : order) text.append(lines[each % std::size(lines)]).append("\n");
        const auto result = load("f", text, {.cores = 1, .read_file = read_file});
        const bool has_error =
            std::ranges::any_of(result.found, [](const auto& each) { return each.level == severity::error; });
        RC_ASSERT(result.value.has_value() == !has_error);
        RC_ASSERT(result.found.empty() || !render(result.found, text).empty());
    });
    rc::prop("nor in a sound file from which one was taken, or into which one came",
             [](std::uint8_t which, std::uint8_t with) {
        std::vector<std::string_view> sound{
            "listen 443 {",
            "tls {",
            "certificate a key=b ocsp=c;",
            "client_certificate optional ca=b;",
            "alpn http/1.1;",
            "}",
            "route /a { redirect 308 https://$host$target; }",
            "route / web { request_header set X $client_certificate_subject; response_header set Y $sni; }",
            "}",
            "listen 1 { protocol tcp;",
            "sni * web alpn=x;",
            "sni a.b,*.c web;",
            "default_backend web;",
            "}",
            "backend web { server unix:/a;",
            "tls {",
            "verify off;",
            "name b;",
            "ca b;",
            "}",
            "}"};
        const auto at = sound.begin() + which % static_cast<int>(sound.size());
        if (with % 2 == 0) sound.erase(at);
        else sound.insert(at, lines[with / 2 % std::size(lines)]);
        std::string text;
        for (auto each : sound) text.append(each).append("\n");
        const auto result = load("f", text, {.cores = 1, .read_file = read_file});
        if (result.value)
            RC_ASSERT(load("f", dump(*result.value), {.cores = 1, .read_file = read_file}).value == result.value);
    });
}
