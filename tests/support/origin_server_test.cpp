#include "tests/support/origin_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "tests/support/catch.hpp"
#include "tests/support/origin_digest.hpp"

using namespace std::string_literals;

namespace {

/// A raw client and the server in one thread: whenever the client has to wait, the server takes a step.
class wire {
public:
    explicit wire(origin::server& to) : to_{to} {
        const auto& address = to.address();
        if (address.starts_with("unix:")) {
            sockaddr_un name{};
            name.sun_family = AF_UNIX;
            address.copy(name.sun_path, sizeof name.sun_path - 1, 5);
            connect_to(AF_UNIX, reinterpret_cast<sockaddr*>(&name), sizeof name);
        } else {
            sockaddr_in name{};
            name.sin_family = AF_INET;
            name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
            connect_to(AF_INET, reinterpret_cast<sockaddr*>(&name), sizeof name);
        }
    }
    wire(const wire&) = delete;
    wire& operator=(const wire&) = delete;
    ~wire() { hang_up(); }

    void hang_up() {
        if (fd_ >= 0) close(fd_);
        fd_ = -1;
    }
    void finish_sending() { shutdown(fd_, SHUT_WR); }

    void send(std::string_view bytes) {
        for (int tries = 0; !bytes.empty() && tries < 100'000; ++tries) {
            const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
            else to_.step(std::chrono::milliseconds{1});
        }
        REQUIRE(bytes.empty());
    }

    /// Receives until there are `n` bytes; fewer if the connection ends before.
    std::string receive(std::size_t n) {
        std::string got(n, '\0');
        std::size_t have = 0;
        for (int tries = 0; have < n && !ended_ && tries < 100'000; ++tries) {
            const auto r = recv(fd_, got.data() + have, n - have, 0);
            if (r > 0) have += static_cast<std::size_t>(r);
            else if (r == 0) ended_ = true;
            else if (errno != EAGAIN) ended_ = was_reset = true;
            else to_.step(std::chrono::milliseconds{1});
        }
        got.resize(have);
        return got;
    }
    std::string receive_all() {
        std::string all;
        while (!ended_) all += receive(65536);
        return all;
    }
    std::string receive_head() {
        std::string head;
        while (!head.ends_with("\r\n\r\n") && !ended_) head += receive(1);
        return head;
    }
    std::string get(const std::string& target) {
        send("GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n");
        return receive_head();
    }
    /// Body of an answer to `target` that ends with its connection.
    std::string fetch(const std::string& target) {
        send("GET " + target + " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        receive_head();
        return receive_all();
    }

    bool was_reset = false;

private:
    void connect_to(int family, const sockaddr* name, socklen_t size) {
        fd_ = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(connect(fd_, name, size) == 0);
        REQUIRE(fcntl(fd_, F_SETFL, O_NONBLOCK) == 0);
    }

    origin::server& to_;
    int fd_ = -1;
    bool ended_ = false;
};

origin::options speaking(origin::protocol speaks) {
    origin::options chosen;
    chosen.speaks = speaks;
    return chosen;
}

/// Lets the server notice what the client did last.
void settle(origin::server& web) {
    for (int i = 0; i < 20; ++i) web.step(std::chrono::milliseconds{1});
}

}  // namespace

TEST_CASE("origin: bytes, kept alive and pipelined") {
    origin::server web{{}};
    wire client{web};
    client.send(
        "GET /bytes/5 HTTP/1.1\r\nHost: t\r\n\r\nHEAD /bytes/9 HTTP/1.1\r\nHost: t\r\n\r\nGET /orders/bytes/2 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    const auto text = origin::known_bytes(0, 5);
    CHECK(client.receive_all() == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + text +
                                      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
                                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n" +
                                      text.substr(0, 2));
    CHECK(web.count().requests == 3);
    CHECK(web.count().in_flight == 0);
}

TEST_CASE("origin: a body of many buffers arrives whole") {
    origin::server web{{}};
    wire client{web};
    const auto body = client.fetch("/bytes/5000000");
    CHECK(body.size() == 5'000'000);
    CHECK_FALSE(origin::first_difference(body, 0));
}

TEST_CASE("origin: the shapes of a body") {
    origin::server web{{}};
    wire client{web};
    const auto t = origin::known_bytes(0, 5);
    SECTION("chunked with trailers") {
        CHECK(client.get("/bytes/5?trailers&chunk=3") ==
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Body-Length\r\n\r\n");
        const auto expected =
            "3\r\n" + t.substr(0, 3) + "\r\n2\r\n" + t.substr(3) + "\r\n0\r\nX-Body-Length: 5\r\n\r\n";
        CHECK(client.receive(expected.size()) == expected);
        CHECK(client.get("/id").starts_with("HTTP/1.1 200"));
    }
    SECTION("until the end") {
        CHECK(client.get("/bytes/5?close") == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        CHECK(client.receive_all() == t);
    }
    SECTION("cut with FIN") {
        CHECK(client.get("/bytes/5?cut=2").contains("Content-Length: 5"));
        CHECK(client.receive_all() == t.substr(0, 2));
        CHECK_FALSE(client.was_reset);
    }
    SECTION("cut inside a chunk") {
        client.get("/bytes/5?chunked&cut=2");
        CHECK(client.receive_all() == "5\r\n" + t.substr(0, 2));
    }
    SECTION("cut with RST") {
        client.get("/bytes/5?cut=2&hard");
        client.receive_all();
        CHECK(client.was_reset);
    }
    SECTION("stalled: nothing more, and no end") {
        client.get("/bytes/5?stall=2");
        CHECK(client.receive(2) == t.substr(0, 2));
        settle(web);
        CHECK(web.count().in_flight == 1);
        client.hang_up();
        settle(web);
        CHECK(web.count().aborted == 1);
        CHECK(web.count().connections_open == 0);
    }
    SECTION("slow and sliced arrive whole") {
        CHECK(client.fetch("/bytes/50?slow=5000&slice=7") == origin::known_bytes(0, 50));
    }
    SECTION("none") {
        CHECK(client.get("/bytes/5?status=204") == "HTTP/1.1 204 No Content\r\n\r\n");
        CHECK(client.get("/id?interim=103&header=A:%20b") ==
              "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
        CHECK(client.receive_head() == "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nA: b\r\n\r\n");
    }
}

TEST_CASE("origin: no answer at all") {
    origin::server web{{}};
    wire client{web};
    SECTION("FIN") {
        CHECK(client.get("/id?fail=close").empty());
        CHECK_FALSE(client.was_reset);
    }
    SECTION("RST") {
        CHECK(client.get("/id?fail=reset").empty());
        CHECK(client.was_reset);
    }
    SECTION("silence, and what was not answered counts as aborted once the client leaves") {
        client.send("GET /id?silent HTTP/1.1\r\nHost: t\r\n\r\n");
        settle(web);
        CHECK(web.count().in_flight == 1);
        client.finish_sending();
        settle(web);
        CHECK(web.count().in_flight == 0);
        CHECK(web.count().aborted == 1);
    }
}

TEST_CASE("origin: a delayed answer comes, but not to a client that has left") {
    origin::server web{{}};
    wire client{web}, other{web};
    client.send("GET /id?delay=20ms HTTP/1.1\r\nHost: t\r\n\r\n");
    other.send("GET /id?delay=1m HTTP/1.1\r\nHost: t\r\n\r\n");
    settle(web);
    other.hang_up();
    CHECK(client.receive_head().starts_with("HTTP/1.1 200"));
    settle(web);
    CHECK(web.count().in_flight == 0);
    CHECK(web.count().requests == 2);
    CHECK(web.count().aborted == 1);
}

TEST_CASE("origin: request bodies") {
    origin::server web{{}};
    wire client{web};
    const auto body = origin::known_bytes(0, 300'000);
    SECTION("are summed") {
        client.send("PUT /upload HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n" + body);
        client.receive_head();
        CHECK(client.receive_all() ==
              "{\"length\":300000,\"fnv1a64\":\"" + origin::hex16(origin::fnv1a(body)) + "\"}\n");
    }
    SECTION("are echoed while they come, full duplex, trailers too") {
        client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        CHECK(client.receive_head().contains("chunked"));
        CHECK(client.receive(8) == "3\r\nabc\r\n");
        client.send("1\r\nd\r\n0\r\nT: v\r\n\r\n");
        CHECK(client.receive(17) == "1\r\nd\r\n0\r\nT: v\r\n\r\n");
    }
    SECTION("wait for 100 Continue") {
        client.send("PUT /upload HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
        CHECK(client.receive_head() == "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("x");
        CHECK(client.receive_head().starts_with("HTTP/1.1 200"));
    }
    SECTION("are left unread: an early answer, then FIN") {
        client.send("PUT /upload?noread&status=413 HTTP/1.1\r\nHost: t\r\nContent-Length: 300000\r\n\r\nabc");
        CHECK(client.receive_head().starts_with("HTTP/1.1 413"));
        client.receive_all();
        CHECK_FALSE(client.was_reset);
        CHECK(web.count().connections_open == 1);
    }
}

TEST_CASE("origin: what was forwarded can be looked at, and what should not have been is counted") {
    origin::server web{{}};
    wire client{web};
    const auto head = "GET /headers?any=thing HTTP/1.1\r\nhOST:  t\r\nA: b\r\nConnection: close\r\n\r\n"s;
    client.send(head);
    client.receive_head();
    CHECK(client.receive_all() == head);
    wire other{web};
    other.send("GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(other.receive_all().starts_with("HTTP/1.1 400"));
    CHECK(web.count().bad_requests == 1);
}

TEST_CASE("origin: a word it does not know is a 400") {
    origin::server web{{}};
    wire client{web};
    CHECK(client.get("/bytes/1?dleay=5ms").starts_with("HTTP/1.1 400"));
}

TEST_CASE("origin: raw bytes, upgrades and tunnels") {
    origin::server web{{}};
    wire client{web};
    SECTION("raw") {
        CHECK((client.send("GET /raw?hex=0d00&text=x%20y HTTP/1.1\r\nHost: t\r\n\r\n"), client.receive_all()) ==
              "\r\0x y"s);
    }
    SECTION("WebSocket, then bytes back, half-close too") {
        client.send(
            "GET /bytes/1 HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly");
        CHECK(client.receive_head() ==
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
        client.send("late");
        client.finish_sending();
        CHECK(client.receive_all() == "earlylate");
    }
    SECTION("another protocol than offered") {
        client.send("GET /?accept=foo HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\n\r\n");
        CHECK(client.receive_head().contains("Upgrade: foo\r\n"));
    }
    SECTION("unasked") { CHECK(client.get("/id?unasked101").starts_with("HTTP/1.1 101")); }
    SECTION("asked for nothing") { CHECK(client.get("/upgrade").starts_with("HTTP/1.1 426")); }
}

TEST_CASE("origin: idle connections close when told to, and only then") {
    origin::server web{{}};
    wire client{web}, other{web};
    client.get("/bytes/0?keepalive_timeout=10ms");
    other.get("/bytes/0");
    CHECK(client.receive_all().empty());
    CHECK_FALSE(client.was_reset);
    CHECK(web.count().connections_open == 1);
}

TEST_CASE("origin: defaults for later requests are set, shared out and taken back") {
    origin::server web{{}};
    wire client{web};
    CHECK(client.get("/control?status=503&share=0.3&close=0").starts_with("HTTP/1.1 200"));
    client.receive(4);
    int refused = 0;
    for (int i = 0; i < 10; ++i) refused += client.get("/bytes/0").starts_with("HTTP/1.1 503");
    CHECK(refused == 3);
    client.get("/control/reset");
    client.receive(6);
    CHECK(web.count().requests == 0);
    CHECK(client.get("/bytes/0").starts_with("HTTP/1.1 200"));
    wire looker{web};
    CHECK(looker.fetch("/control/stats")
              .starts_with("{\"name\":\"origin\",\"requests\":1,\"bad_requests\":0,\"aborted\":0,\"in_flight\":0,"));
}

TEST_CASE("origin: a server of known capacity") {
    origin::options chosen;
    chosen.service = "slots=1&mean=5ms";
    origin::server web{chosen};
    wire one{web}, two{web}, quick{web};
    one.send("GET /bytes/1 HTTP/1.1\r\nHost: t\r\n\r\n");
    settle(web);
    two.send("GET /bytes/2 HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(quick.get("/bytes/0?quick&status=503").starts_with("HTTP/1.1 503"));
    CHECK(two.receive_head().starts_with("HTTP/1.1 200"));
    CHECK(one.receive_head().starts_with("HTTP/1.1 200"));
    CHECK(quick.get("/control/service?slots=none").starts_with("HTTP/1.1 400"));
    quick.receive(26);
    CHECK(quick.get("/control/service?slots=0").starts_with("HTTP/1.1 200"));
    CHECK(web.count().in_flight == 0);
}

TEST_CASE("origin: refuses connections for a while, on the same address afterwards") {
    origin::server web{{}};
    wire client{web};
    client.get("/control/refuse");
    client.receive(9);
    {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        name.sin_port =
            htons(static_cast<std::uint16_t>(std::stoi(web.address().substr(web.address().rfind(':') + 1))));
        CHECK(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0);
        CHECK(errno == ECONNREFUSED);
        close(fd);
    }
    client.get("/control/accept");
    wire again{web};
    CHECK(again.get("/id").starts_with("HTTP/1.1 200"));
}

TEST_CASE("origin: faults that come and go, and what each second saw") {
    origin::server web{{}};
    wire client{web};
    client.get("/control?status=503&flap=50ms");
    client.receive(4);
    int changes = 0, before = 503;
    for (int i = 0; i < 100'000 && changes < 3; ++i) {
        const int now = client.get("/bytes/0").starts_with("HTTP/1.1 503") ? 503 : 200;
        changes += now != before;
        before = now;
    }
    CHECK(changes == 3);
    wire looker{web};
    CHECK(looker.fetch("/control/seconds").starts_with("["));
}

TEST_CASE("origin: plain TCP") {
    SECTION("echo, with a greeting") {
        auto chosen = speaking(origin::protocol::echo);
        chosen.speak_first = "hello ";
        origin::server web{chosen};
        wire client{web};
        CHECK(client.receive(6) == "hello ");
        client.send("abc");
        client.finish_sending();
        CHECK(client.receive_all() == "abc");
    }
    SECTION("digest") {
        origin::server web{speaking(origin::protocol::digest)};
        wire client{web};
        client.send("foobar");
        client.finish_sending();
        CHECK(client.receive_all() == "6 85944171f73967e8\n");
    }
    SECTION("source, then half-close") {
        auto chosen = speaking(origin::protocol::source);
        chosen.source_bytes = 200'000;
        origin::server web{chosen};
        wire client{web};
        CHECK(client.receive_all() == origin::known_bytes(0, 200'000));
        client.send("still open on our side");
        settle(web);
        CHECK(web.count().connections_open == 1);
        client.finish_sending();
        settle(web);
        CHECK(web.count().connections_open == 0);
    }
    SECTION("discard, over a Unix socket") {
        auto chosen = speaking(origin::protocol::discard);
        chosen.unix_path = "/tmp/origin-test-" + std::to_string(getpid());
        origin::server web{chosen};
        wire client{web};
        client.send("abc");
        client.finish_sending();
        CHECK(client.receive_all().empty());
        CHECK(web.count().bytes_received == 3);
    }
}
