#include "proxy/health.hpp"

#include <map>

#include "conf/load.hpp"
#include "lib/net/proxy_protocol.hpp"
#include "tests/support/fake_stream.hpp"
#include "tests/support/property.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

using peer_ptr = std::shared_ptr<fake_peer>;
using kind = conf::health_check::kind;

constexpr const char* one_server = "listen 127.0.0.1:1 { route / web; } backend web { server 127.0.0.1:9001; }";
constexpr const char* good = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr const char* bad = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

conf::health_check checks_by(kind how) {
    conf::health_check made;
    made.how = how;
    made.method = "GET";
    made.path = "/healthz";
    made.every = 2s;
    made.timeout = 1s;
    made.rise = 2;
    made.fall = 3;
    made.lowest_status = 200;
    made.highest_status = 399;
    return made;
}

std::string many_servers(int count) {
    std::string text = "listen 127.0.0.1:1 { route / web; } backend web { ";
    for (int i = 1; i <= count; ++i) text += "server 10.0.0." + std::to_string(i) + ":80; ";
    return text + "}";
}

struct log_lines final : line_sink {
    void append(std::string_view line) override { lines.emplace_back(line); }
    /// How many lines contain `text`.
    auto count(std::string_view text) const {
        return std::ranges::count_if(lines, [&](const std::string& line) { return line.contains(text); });
    }
    std::vector<std::string> lines;
};

/// Servers that are checked in virtual time; `connecting` and `played_by` decide how they do.
class checked_world {
public:
    checked_world(loop& clock, const conf::health_check& how, std::string_view text = one_server)
        : time{clock}, config{with_checks(text, how)}, shared{config, 10, 7}, log{told, log_level::debug, "process"},
          checks{clock, shared, log, 42}, stop{clock}, plays{clock} {
        checks.connect = [this](stream_context& context, std::vector<address> to) {
            return connect(context, std::move(to));
        };
    }

    task<void> run() { return checks.run(stop); }
    bool healthy(std::size_t server = 0) { return shared.backends[0].status(time.now()).servers[server].healthy; }

    struct connection {
        time_point at;
        std::vector<address> to;
        peer_ptr peer;  // null: it was refused
    };

    loop& time;
    conf::config config;
    shared_state shared;
    log_lines told;
    error_log log;
    health checks;
    event stop;
    std::vector<connection> connections;
    std::size_t under_way = 0, most_under_way = 0;          // connects
    std::function<int(const address&)> refuses;             // an errno value; 0: it succeeds
    std::function<nanoseconds(const address&)> connecting;  // how long it takes
    std::function<task<void>(peer_ptr)> played_by;
    scope plays;  // last: they refer to the rest

private:
    static conf::config with_checks(std::string_view text, const conf::health_check& how) {
        auto made = configured(text);
        made.backends[0].health = how;
        return made;
    }
    struct counted {
        explicit counted(checked_world& w) : world{w} {
            world.most_under_way = std::max(world.most_under_way, ++world.under_way);
        }
        counted(const counted&) = delete;
        ~counted() { --world.under_way; }
        checked_world& world;
    };
    task<io_result<connected>> connect(stream_context& context, std::vector<address> to) {
        const counted one{*this};
        const auto which = connections.size();
        connections.push_back({time.now(), to, nullptr});
        if (connecting) co_await time.sleep(connecting(to[0]));
        if (refuses)
            if (const int error = refuses(to[0])) co_return io_failure(error);
        auto made = fake_stream::make(context, to[0]);
        connections[which].peer = made.second;
        if (played_by) plays.spawn(played_by(made.second));
        co_return connected{std::move(made.first), to[0]};
    }
};

task<void> answers(loop& time, peer_ptr server, std::string text, milliseconds after) {
    const bool asked = co_await server->heard("\r\n\r\n");
    if (!asked) co_return;
    co_await time.sleep(after);
    server->send(text);
}
/// Each connection is answered so, some time after the request.
auto answering(loop& time, std::string text, milliseconds after = 0ms) {
    return [&time, text = std::move(text), after](peer_ptr server) {
        return answers(time, std::move(server), text, after);
    };
}
task<void> breaks_off(peer_ptr server) {
    co_await server->heard("\r\n\r\n");
    server->break_off(ECONNRESET);
}
task<void> leaves(peer_ptr server) {
    co_await server->heard("\r\n\r\n");
    server->send("HTTP/1.1 20");
    server->finish();
}
task<void> takes_nothing(peer_ptr server) {
    server->write_error = EPIPE;
    co_return;
}

}  // namespace

TEST_CASE("health: an http check is one request on a connection of its own") {
    virtual_loop time;
    checked_world world{time, checks_by(kind::http)};
    world.played_by = answering(time, good);
    running<void> checking{time, world.run()};
    time.advance(10s);
    REQUIRE(world.connections.size() >= 4);
    for (const auto& each : world.connections) {
        CHECK(each.peer->received ==
              "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: weir-health\r\nConnection: close\r\n\r\n");
        CHECK(each.peer->closed);
    }
    CHECK(world.healthy());
    CHECK(world.told.lines.empty());  // no change, no word
}

TEST_CASE("health: the Host field is the configured one, else the address, localhost behind a path") {
    const auto [configured, server, expected] = GENERATE(table<const char*, const char*, const char*>({
        {"www.example.com", "127.0.0.1:9001", "\r\nHost: www.example.com\r\n"},
        {"", "[::1]:80", "\r\nHost: [::1]:80\r\n"},
        {"", "unix:/run/app.sock", "\r\nHost: localhost\r\n"},
    }));
    virtual_loop time;
    auto how = checks_by(kind::http);
    how.host = configured;
    checked_world world{time, how,
                        "listen 127.0.0.1:1 { route / web; } backend web { server " + std::string{server} + "; }"};
    running<void> checking{time, world.run()};
    time.advance(2s);
    REQUIRE(world.connections.size() == 1);
    CHECK(world.connections[0].peer->received.contains(expected));
}

TEST_CASE("health: down after `fall` failures, up after `rise` passes, each told once with its cause") {
    virtual_loop time;
    checked_world world{time, checks_by(kind::http)};
    std::string reply = good;
    world.played_by = [&](peer_ptr server) { return answers(time, std::move(server), reply, 0ms); };
    running<void> checking{time, world.run()};
    const auto one_more_check = [&] {
        const auto before = world.connections.size();
        while (world.connections.size() == before) time.advance(10ms);
        time.settle();
    };
    one_more_check();
    reply = bad;
    one_more_check();
    one_more_check();
    CHECK(world.healthy());
    one_more_check();
    CHECK_FALSE(world.healthy());
    REQUIRE(world.told.lines.size() == 1);
    CHECK(world.told.lines[0].contains(" warn  process: health: 127.0.0.1:9001 of web is down: status 503\n"));
    one_more_check();
    CHECK(world.told.lines.size() == 1);

    reply = good;
    one_more_check();
    CHECK_FALSE(world.healthy());
    one_more_check();
    CHECK(world.healthy());
    REQUIRE(world.told.lines.size() == 2);
    CHECK(world.told.lines[1].contains(" info  process: health: 127.0.0.1:9001 of web is up\n"));
}

TEST_CASE("health: why a server is down") {
    using world = checked_world;
    const auto cause_when = [](auto prepare, std::string_view text = one_server) {
        virtual_loop time;
        checked_world checked{time, checks_by(kind::http), text};
        prepare(checked);
        running<void> checking{time, checked.run()};
        time.advance(20s);
        CHECK_FALSE(checked.healthy());
        for (const auto& each : checked.connections)
            if (each.peer && each.at + 1s <= time.now()) CHECK(each.peer->closed);
        REQUIRE(checked.told.lines.size() == 1);
        const auto& line = checked.told.lines[0];
        constexpr std::string_view mark = " is down: ";
        return line.substr(line.find(mark) + mark.size());
    };
    const auto cause_of = [&](const std::string& reply) {
        return cause_when([&](world& w) { w.played_by = answering(w.time, reply); });
    };

    CHECK(cause_when([](world& w) { w.refuses = [](const address&) { return ECONNREFUSED; }; }) == "connect refused\n");
    CHECK(cause_when([](world& w) { w.refuses = [](const address&) { return EHOSTUNREACH; }; }) ==
          "connect: No route to host\n");
    CHECK(cause_when([](world& w) { w.connecting = [](const address&) { return 1h; }; }) == "timed out\n");
    CHECK(cause_when([](world&) {}) == "timed out\n");
    CHECK(cause_when([](world& w) {  // each in time, together not
        w.connecting = [](const address&) { return 600ms; };
        w.played_by = answering(w.time, good, 600ms);
    }) == "timed out\n");
    CHECK(cause_when([](world& w) { w.played_by = breaks_off; }) == "read: Connection reset by peer\n");
    CHECK(cause_when([](world& w) { w.played_by = leaves; }) == "closed without an answer\n");
    CHECK(cause_when([](world& w) { w.played_by = takes_nothing; }) == "write: Broken pipe\n");
    CHECK(cause_when([](world&) {}, "listen 127.0.0.1:1 { route / web; } backend web { server app.internal:80; }") ==
          "its name is not resolved\n");

    std::string interim;
    for (int i = 0; i < 1000; ++i) interim += "HTTP/1.1 103 Early Hints\r\n\r\n";
    CHECK(cause_of(interim).contains("too large"));
    CHECK(cause_of("HTTP/1.1 200 OK\r\nX: " + std::string(16 * 1024, 'x')).contains("too large"));
    CHECK(cause_of("SSH-2.0-OpenSSH_9.2\r\n").contains("no HTTP/1.x status line"));
    CHECK(cause_of("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n") == "status 101\n");
}

TEST_CASE("health: what passes") {
    const auto passes = [](const std::string& reply, unsigned lowest = 200, milliseconds after = 0ms) {
        virtual_loop time;
        auto how = checks_by(kind::http);
        how.lowest_status = lowest;
        checked_world world{time, how};
        world.played_by = answering(time, reply, after);
        running<void> checking{time, world.run()};
        time.advance(20s);
        CHECK(world.connections.size() >= 9);
        return world.healthy();
    };
    CHECK(passes(good, 200));
    CHECK_FALSE(passes(good, 201));
    CHECK(passes("HTTP/1.1 399 Odd\r\n\r\n"));
    CHECK_FALSE(passes("HTTP/1.1 400 Bad\r\n\r\n"));
    CHECK(passes("HTTP/1.0 200 OK\r\n\r\n"));
    CHECK(passes("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + std::string{good}));
    CHECK(passes("HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'x')));  // a body, ignored
    CHECK(passes(good, 200, 990ms));
    CHECK_FALSE(passes(good, 200, 1010ms));
}

TEST_CASE("health: a tcp check is a connect and not a byte more") {
    virtual_loop time;
    checked_world world{time, checks_by(kind::tcp)};
    running<void> checking{time, world.run()};
    time.advance(10s);
    REQUIRE(world.connections.size() >= 4);
    for (const auto& each : world.connections) {
        CHECK(each.peer->received.empty());
        CHECK(each.peer->closed);
    }
    CHECK(world.healthy());
}

TEST_CASE("health: a PROXY header speaks for nobody") {
    virtual_loop time;
    const auto how = GENERATE(kind::tcp, kind::http);
    const auto version = GENERATE(conf::proxy_header::v1, conf::proxy_header::v2);
    checked_world world{time, checks_by(how)};
    world.config.backends[0].send_proxy = version;
    running<void> checking{time, world.run()};
    time.advance(2s);
    REQUIRE(world.connections.size() == 1);
    std::string_view received = world.connections[0].peer->received;
    const auto header = parse_proxy_header(received);
    REQUIRE((header && *header));
    CHECK((*header)->local);
    CHECK(received.starts_with("PROXY UNKNOWN\r\n") == (version == conf::proxy_header::v1));
    if (version == conf::proxy_header::v2) CHECK(received[12] == '\x20');  // LOCAL, not PROXY
    received.remove_prefix((*header)->bytes);
    CHECK(received.starts_with("GET /healthz ") == (how == kind::http));
    CHECK(received.empty() == (how == kind::tcp));
}

TEST_CASE("health: a name's addresses are tried together, and new ones from the next check on") {
    virtual_loop time;
    checked_world world{time, checks_by(kind::tcp),
                        "listen 127.0.0.1:1 { route / web; } backend web { server app.internal:80; }"};
    running<void> checking{time, world.run()};
    time.advance(10s);
    CHECK(world.connections.empty());
    CHECK_FALSE(world.healthy());

    const std::vector found{*address::parse_ip("10.0.0.1", 80), *address::parse_ip("10.0.0.2", 80)};
    world.shared.backends[0].servers()[0].set_addresses(found);
    time.advance(10s);
    REQUIRE_FALSE(world.connections.empty());
    CHECK(world.connections.back().to == found);
    CHECK(world.healthy());
}

TEST_CASE("health: every server has a rhythm of its own, spread from the start") {
    virtual_loop time;
    constexpr int servers = 10;
    checked_world world{time, checks_by(kind::tcp), many_servers(servers)};
    const auto began = time.now();
    running<void> checking{time, world.run()};
    time.advance(400s);
    std::map<address, std::vector<time_point>> checks;
    for (const auto& each : world.connections) checks[each.to[0]].push_back(each.at);
    REQUIRE(checks.size() == servers);

    const auto to_the_timer = 1ms;
    int nth = 0;
    for (const auto& server : world.shared.backends[0].servers()) {
        const auto& times = checks[server.addresses()[0]];
        CHECK(times[0] - began >= nth * 200ms);  // each in its tenth of the first interval
        CHECK(times[0] - began <= (nth + 1) * 200ms + to_the_timer);
        ++nth;

        nanoseconds least = 1h, most{};
        for (std::size_t i = 1; i < times.size(); ++i) {
            least = std::min(least, times[i] - times[i - 1]);
            most = std::max(most, times[i] - times[i - 1]);
        }
        CHECK((least >= 1800ms && least < 1850ms));
        CHECK((most > 2150ms && most <= 2200ms + to_the_timer));
        CHECK((times.size() > 190 && times.size() < 210));
    }
}

TEST_CASE("health: never two checks of one server at once") {
    virtual_loop time;
    auto how = checks_by(kind::tcp);
    how.every = 100ms;
    how.timeout = 1s;
    checked_world world{time, how};
    world.connecting = [](const address&) { return 350ms; };
    running<void> checking{time, world.run()};
    time.advance(10s);
    CHECK(world.most_under_way == 1);
    CHECK(world.connections.size() >= 20);  // nor does a slow server lose its turns for long
}

TEST_CASE("health: at most sixteen checks at once, and nobody is forgotten") {
    virtual_loop time;
    checked_world world{time, checks_by(kind::tcp), many_servers(40)};
    world.connecting = [](const address&) { return 1h; };
    running<void> checking{time, world.run()};
    time.advance(60s);
    CHECK(world.most_under_way == 16);
    std::map<address, int> checks;
    for (const auto& each : world.connections) ++checks[each.to[0]];
    CHECK(checks.size() == 40);
    const int share = 16 * 60 / 40;  // 16 places, a second each
    for (const auto& [server, times] : checks) CHECK(std::abs(times - share) <= 2);

    // What was late is not made up for.
    world.connecting = nullptr;
    world.connections.clear();
    time.advance(20s);
    CHECK((world.connections.size() > 40 * 9 && world.connections.size() < 40 * 11));
}

TEST_CASE("health: one server's failure is not another's") {
    virtual_loop time;
    checked_world world{time, checks_by(kind::tcp), many_servers(3)};
    world.refuses = [](const address& to) { return to.text() == "10.0.0.2:80" ? ECONNREFUSED : 0; };
    running<void> checking{time, world.run()};
    time.advance(10s);
    CHECK(world.healthy(0));
    CHECK_FALSE(world.healthy(1));
    CHECK(world.healthy(2));
    REQUIRE(world.told.lines.size() == 1);
    CHECK(world.told.count("10.0.0.2:80 of web is down: connect refused") == 1);
}

TEST_CASE("health: off means no check and an early end") {
    virtual_loop time;
    checked_world world{time, checks_by(kind::off)};
    running<void> checking{time, world.run()};
    CHECK(checking.done());
    time.advance(1min);
    CHECK(world.connections.empty());
    CHECK(world.healthy());
}

TEST_CASE("health: stop lets what is under way end, and begins nothing more") {
    virtual_loop time;
    checked_world world{time, checks_by(kind::http)};
    running<void> checking{time, world.run()};
    SECTION("between two checks") {
        world.stop.set();
        time.settle();
        CHECK(checking.done());
        CHECK(world.connections.empty());
    }
    SECTION("in a check") {
        while (world.connections.empty()) time.advance(1ms);
        world.stop.set();
        time.advance(500ms);
        CHECK_FALSE(checking.done());
        time.advance(500ms);
        CHECK(checking.done());
        time.advance(1min);
        CHECK(world.connections.size() == 1);
    }
}

TEST_CASE("health: agrees with counting by hand, for any results", "[property]") {
    rc::prop("the state, and one line for each change", [] {
        virtual_loop time;
        auto how = checks_by(kind::tcp);
        how.rise = *rc::gen::inRange(1u, 5u);
        how.fall = *rc::gen::inRange(1u, 5u);
        const auto results = *rc::gen::nonEmpty<std::vector<bool>>();
        const auto slow = *rc::gen::inRange(0, 900);
        checked_world world{time, how};
        bool up = true, agreed = true;
        unsigned streak = 0;
        std::size_t checked = 0, downs = 0, ups = 0;
        world.connecting = [&](const address&) { return milliseconds{slow}; };
        world.refuses = [&](const address&) {
            agreed = agreed && world.healthy() == up;  // as of the check before
            const bool passes = results[checked++ % results.size()];
            streak = passes == up ? 0 : streak + 1;
            if (streak == (up ? how.fall : how.rise)) {
                up = !up;
                streak = 0;
                ++(up ? ups : downs);
            }
            return passes ? 0 : ECONNREFUSED;
        };
        running<void> checking{time, world.run()};
        time.advance(static_cast<std::int64_t>(results.size()) * 2s + 10s);
        world.stop.set();
        time.advance(1s);
        RC_ASSERT(checking.done());
        RC_ASSERT(agreed);
        RC_ASSERT(checked >= results.size());
        RC_ASSERT(world.healthy() == up);
        RC_ASSERT(static_cast<std::size_t>(world.told.count(" is up\n")) == ups);
        RC_ASSERT(static_cast<std::size_t>(world.told.count(" is down: connect refused\n")) == downs);
    });
}

namespace {

/// Checks of three servers, one of which cannot be reached in time, until stopped.
struct some_checks {
    explicit some_checks(virtual_loop& time, kind how) : world{time, checks_by(how), many_servers(3)} {
        world.connecting = [](const address& to) { return to.text() == "10.0.0.1:80" ? 2s : 20ms; };
        world.played_by = answering(time, good, 7ms);
    }
    task<void> run() {
        running<void> checking{world.time, world.run()};
        co_await world.time.sleep(7s);
        world.stop.set();
        while (!checking.done()) co_await world.time.sleep(100ms);
    }
    void check_released() const {
        REQUIRE(world.under_way == 0);
        for (const auto& each : world.connections)
            if (each.peer) REQUIRE(each.peer->closed);
    }
    void check_finished() { REQUIRE_FALSE(world.healthy(0)); }
    checked_world world;
};

}  // namespace

TEST_CASE("health: cancelled at every point", "[sweep]") {
    const auto how = GENERATE(kind::tcp, kind::http);
    sweep<some_checks>(how);
    sweep_with_delays<some_checks>(3, how);
}
