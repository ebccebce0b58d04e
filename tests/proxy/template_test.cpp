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
