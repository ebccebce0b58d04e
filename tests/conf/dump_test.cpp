#include "conf/address.hpp"
#include "conf/http_words.hpp"
#include "conf/load.hpp"
#include "tests/support/property.hpp"

using namespace weir::conf;

namespace {

constexpr std::string_view smallest = "listen 80 { route / web; } backend web { server a:1; }";

std::string dumped(std::string_view text) { return dump(*load("f", text, {.cores = 3}).value); }

/// Draws a valid configuration. Sizes are small; what matters is that every field takes values other than its default.
class maker {
public:
    config make();

private:
    std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return low + *rc::gen::arbitrary<std::uint64_t>() % (high - low + 1);
    }
    bool coin() { return between(0, 1) == 1; }
    milliseconds time(std::uint64_t low, std::uint64_t high) { return milliseconds{between(low, high)}; }
    template <class T> T one_of(std::vector<T> of) { return of[between(0, of.size() - 1)]; }

    listener make_listener(std::size_t number);
    route make_route();
    backend make_backend(std::size_t number);
    header_action make_action();
    text_template make_template();

    std::size_t backends_ = 1;
};

text_template maker::make_template() {
    return *read_template(one_of<std::string>(
        {"", "a", "a b", "$host", "x=$target$$", "\"q\"", "a;b{c}", "#", "\\", "a\tb", "$path/$scheme"}));
}

header_action maker::make_action() {
    header_action made{.what = one_of<header_action::kind>(
                           {header_action::kind::set, header_action::kind::add, header_action::kind::remove}),
                       .name = one_of<std::string>({"X-A", "Server", "#odd", "x|y"}),
                       .value = {}};
    if (made.what != header_action::kind::remove) made.value = make_template();
    return made;
}

route maker::make_route() {
    route made;
    made.prefix = one_of<std::string>({"/", "/a/", "/a=b", "/{x};", "/\"q\"", "/\\n"});
    if (coin()) made.hosts = {"a.b", "*.c.d"};
    if (coin()) made.methods = {"GET", "PURGE"};
    switch (between(0, 2)) {
    case 0: made.backend = between(0, backends_ - 1); break;
    case 1:
        made.redirects = redirect{one_of<int>({301, 302, 303, 307, 308}),
                                  *read_template(one_of<std::string>({"/x", "https://$host$target", "/a;b#c=d"}))};
        break;
    case 2:
        made.responds = fixed_response{static_cast<int>(between(200, 203)),
                                       one_of<std::string>({"", "ok", "a\n\"b\"\\", "a=b", "type=x"}),
                                       one_of<std::string>({"text/plain; charset=utf-8", "text/html", ""})};
    }
    for (auto n = between(0, 2); n > 0; --n) made.request_headers.push_back(make_action());
    for (auto n = between(0, 2); n > 0; --n) made.response_headers.push_back(make_action());
    made.upgrades = one_of<std::vector<std::string>>({{}, {"websocket"}, {"websocket", "mqtt"}});
    return made;
}

listener maker::make_listener(std::size_t number) {
    auto made =
        load("f", smallest, {}).value->listeners.front();  // what a tcp listener cannot write stays at its default
    const auto port = std::to_string(8000 + number);
    made.address = *read_listen_address(
        one_of<std::string>({port, "127.0.0.1:" + port, "[::1]:" + port, "unix:/a b" + port, "127.0.0.1:0"}));
    made.protocol = one_of<http_protocol>({http_protocol::http, http_protocol::tcp});
    made.routes.clear();
    made.max_connections = static_cast<unsigned>(between(1, 10'000'000));
    made.backlog = static_cast<int>(between(1, 65'535));
    made.accept_proxy = coin();
    made.timeout.client_header = time(1, 3'600'000);
    made.default_backend = between(0, backends_ - 1);
    made.defer_accept = false;
    if (made.protocol == http_protocol::tcp) return made;

    for (auto n = between(0, 3); n > 0; --n) made.routes.push_back(make_route());
    if (!made.routes.empty() && coin()) made.default_backend.reset();
    made.defer_accept = made.address.unix_path.empty() && coin();
    for (auto text : {"unix", "10.0.0.0/8", "fd00::/8"})
        if (coin()) made.trusted.push_back(*read_network(text));
    made.forwarded = one_of<forwarded_style>(
        {forwarded_style::off, forwarded_style::x_forwarded, forwarded_style::rfc7239, forwarded_style::both});
    made.max_head_bytes = between(1024, 1 << 20);
    made.max_target_bytes = between(64, 1 << 20);
    made.max_headers = static_cast<unsigned>(between(1, 10'000));
    if (coin()) made.max_body_bytes = between(0, std::uint64_t{1} << 50);
    made.timeout.client_body = time(1, 3'600'000);
    made.timeout.keep_alive = time(1, 86'400'000);
    made.min_body_rate = coin() ? 0 : between(1, 1 << 30);
    made.max_requests = static_cast<unsigned>(between(1, 1'000'000'000));
    return made;
}

backend maker::make_backend(std::size_t number) {
    backend made;
    made.name = one_of<std::string>({"b", "server", "off", "A.b_c-"}) + std::to_string(number);
    for (auto n = between(1, 3); n > 0; --n)
        made.servers.push_back({{},
                                *read_server_address(one_of<std::string>(
                                    {"10.0.0.1:80", "[::1]:1", "name:65535", "unix:/a;b", "unix:/x=y"})),
                                static_cast<unsigned>(between(1, 256))});
    made.how = one_of<balance>({balance::p2c, balance::least_requests, balance::round_robin});
    made.retries = static_cast<unsigned>(between(0, 10));
    made.send_proxy = one_of<proxy_header>({proxy_header::off, proxy_header::v1, proxy_header::v2});
    made.timeout = {time(1, 3'600'000), time(1, 86'400'000), time(1, 86'400'000), time(1, 86'400'000),
                    time(1, 86'400'000)};
    made.keep_alive = {time(1, 3'600'000), time(1000, 86'400'000), static_cast<unsigned>(between(1, 1000)),
                       static_cast<unsigned>(between(0, 65'536))};
    made.max_head_bytes = between(1024, 1 << 20);
    made.resolve_every = time(1000, 86'400'000);
    return made;
}

config maker::make() {
    config made;
    made.file = "f";
    made.workers = static_cast<unsigned>(between(1, 1024));
    if (coin()) made.max_connections = static_cast<unsigned>(between(1, 10'000'000));
    made.pid_file = one_of<std::string>({"", "/run/weir.pid", "./a b"});
    made.user = one_of<std::string>({"", "nobody"});
    if (!made.user.empty()) made.group = one_of<std::string>({"", "nogroup"});
    made.access_log = one_of<std::string>({"", "stdout", "stderr", "/var/log/a=b", "/var/log/\xc3\xa4"});
    made.access_format = one_of<log_format>({log_format::text, log_format::json});
    made.access_queue = static_cast<unsigned>(between(1, 1'048'576));
    made.error_log = one_of<std::string>({"stderr", "level=/x"});
    made.error_level = one_of<log_level>({log_level::debug, log_level::info, log_level::warn, log_level::error});
    made.drain.lame_duck = time(0, 3'600'000);
    made.drain.deadline = made.drain.lame_duck + time(0, 3'600'000);
    backends_ = between(1, 3);
    for (std::size_t i = 0; i < backends_; ++i) made.backends.push_back(make_backend(i));
    for (std::size_t i = between(1, 3); i > 0; --i) made.listeners.push_back(make_listener(i));
    return made;
}

}  // namespace

TEST_CASE("dump: every default is filled in") {
    CHECK(dumped(smallest) == R"(workers 3;
max_connections auto;
pid_file off;
access_log stdout format=text queue=8192;
error_log stderr level=info;
drain lame_duck=5s deadline=25s;

listen 80 {
    protocol http;
    route / web {
        upgrade websocket;
    }
    max_connections 20000;
    backlog 1024;
    defer_accept on;
    accept_proxy off;
    trusted none;
    forwarded both;
    max_head 16KiB;
    max_target 8KiB;
    max_headers 100;
    max_body unlimited;
    timeout client_header=10s client_body=15s keep_alive=1m;
    min_body_rate 1KiB;
    max_requests 10000;
}

backend web {
    server a:1 weight=1;
    balance p2c;
    retry 2;
    send_proxy off;
    timeout connect=1s first_byte=15s idle=30s tunnel_idle=1h total=30s;
    keep_alive idle=4s age=10m requests=1000 connections=128;
    max_head 64KiB;
    resolve every=30s;
}
)");
}

TEST_CASE("dump: of a tcp listener only what it may hold") {
    const auto text = dumped("listen 80 { protocol tcp; default_backend web; } backend web { server a:1; }");
    CHECK(
        text.find(
            "listen 80 {\n    protocol tcp;\n    default_backend web;\n    max_connections 20000;\n    backlog 1024;\n"
            "    defer_accept off;\n    accept_proxy off;\n    timeout client_header=10s;\n}\n") != std::string::npos);
}

TEST_CASE("dump: what it prints loads to an equal configuration", "[property]") {
    rc::prop("load(dump(c)) == c", [] {
        const auto made = maker{}.make();
        const auto text = dump(made);
        const auto again = load("f", text, {.cores = 1});
        if (!again.value) RC_FAIL(render(again.found, text));
        RC_ASSERT(*again.value == made);
        RC_ASSERT(dump(*again.value) == text);
    });
}
