#include "proxy/template.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"

using namespace weir;
using namespace weir::testing;

TEST_CASE("template: each variable is filled from the request, literals stay") {
    virtual_loop time;
    proxy_world world{time};
    request r{world.worker, world.view, *world.client_stream};
    r.logged = true;
    http::request_parser parser;
    constexpr std::string_view head = "GET /p/a?q=1 HTTP/1.1\r\nHost: h.example:81\r\n\r\n";
    REQUIRE(parser.parse(head, {}, r.head).value_or(0) == head.size());

    using variable = conf::text_template::variable;
    conf::text_template text;
    text.pieces = {{"<", variable::scheme}, {"://", variable::host},         {" ", variable::target},
                   {" ", variable::path},   {" ", variable::client_address}, {" ", variable::request_id},
                   {">", variable::none}};
    std::string out = "kept ";
    expand(text, r, out);
    CHECK(out == "kept <http://h.example /p/a?q=1 /p/a 192.0.2.1 " + std::string{r.id_text()} + ">");
}

TEST_CASE("template: of TLS, what the connection has to tell; on a plain one nothing") {
    virtual_loop time;
    proxy_world world{time};
    request r{world.worker, world.view, *world.client_stream};
    r.logged = true;
    using variable = conf::text_template::variable;
    conf::text_template text;
    text.pieces = {{"", variable::scheme},
                   {" ", variable::sni},
                   {" ", variable::tls_version},
                   {" ", variable::tls_cipher},
                   {" ", variable::client_certificate_verdict},
                   {" ", variable::client_certificate_subject},
                   {" ", variable::client_certificate_fingerprint},
                   {" ", variable::client_certificate_serial}};
    const auto filled = [&] {
        std::string out;
        expand(text, r, out);
        return out;
    };
    CHECK(filled() == "http    none   ");

    tls_facts facts;
    facts.sni = "a.b";
    facts.version = "TLSv1.3";
    facts.cipher = "AES";
    r.tls = &facts;
    CHECK(filled() == "http a.b TLSv1.3 AES none   ");
    facts.client_verdict = "ok";
    facts.client_subject = "CN=x";
    facts.client_fingerprint = "0af";
    facts.client_serial = "1b";
    CHECK(filled() == "http a.b TLSv1.3 AES ok CN=x 0af 1b");
    facts.client_verdict = "failed:certificate has expired";
    CHECK(filled() == "http a.b TLSv1.3 AES failed:certificate has expired   ");
}
