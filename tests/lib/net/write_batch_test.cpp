#include "lib/net/write_batch.hpp"

#include <optional>
#include <string>
#include <vector>

#include "lib/async/race.hpp"
#include "tests/support/fake_stream.hpp"
#include "tests/support/property.hpp"
#include "tests/support/running.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

using outcome = std::optional<io_result<>>;

task<void> write_it(byte_stream& to, std::string_view first, std::string_view second, outcome& result) {
    result = co_await to.write(first, second);
}

struct connection {
    explicit connection(stream_context& context) {
        auto made = fake_stream::make(context);
        stream = std::move(made.first);
        peer = std::move(made.second);
    }
    stream_ptr stream;
    std::shared_ptr<fake_peer> peer;
};

}  // namespace

TEST_CASE("write batch: small writes wait for the end of the turn, then all are sent and their writers go on") {
    virtual_loop time;
    stream_context context{time};
    connection a{context}, b{context};
    outcome from_a, from_b;
    std::string scratch = "one";
    running first{time, write_it(*a.stream, scratch, "!", from_a)};
    scratch = "two";  // what waits has been copied
    running second{time, write_it(*b.stream, scratch, {}, from_b)};
    scratch.clear();
    CHECK(a.peer->received.empty());
    CHECK_FALSE(from_a.has_value());

    CHECK(time.step());
    CHECK(a.peer->received == "one!");
    CHECK(b.peer->received == "two");
    CHECK_FALSE(from_a.has_value());
    time.settle();
    CHECK(from_a->has_value());
    CHECK(from_b->has_value());
}

TEST_CASE("write batch: who writes once more in the same turn is sent in the same turn") {
    virtual_loop time;
    stream_context context{time};
    connection a{context};
    const auto many = [](byte_stream& to) -> task<void> {
        for (const char* word : {"a", "b", "c"}) co_await to.write(word);
    };
    std::string log;
    const auto yields = [](loop& clock, fake_peer& peer, std::string& seen) -> task<void> {
        co_await clock.yield();
        seen = peer.received;
    };
    running next_turn{time, yields(time, *a.peer, log)};
    running it{time, many(*a.stream)};
    time.settle();
    CHECK(log == "abc");
}

TEST_CASE("write batch: a write destroyed before the end of its turn has not happened, and the stream stays fit") {
    virtual_loop time;
    stream_context context{time};
    connection a{context};
    outcome lost, sent;
    {
        running cancelled{time, write_it(*a.stream, "lost", {}, lost)};
        outcome meanwhile;
        running second{time, write_it(*a.stream, "second", {}, meanwhile)};  // one at a time
        CHECK(meanwhile->error().code == io_error::broken);
    }
    CHECK(time.idle());
    running it{time, write_it(*a.stream, "sent", {}, sent)};
    time.settle();
    CHECK(a.peer->received == "sent");
    CHECK(sent->has_value());
    CHECK_FALSE(lost.has_value());
}

TEST_CASE("write batch: an error reaches the writer, and says that nothing was sent") {
    virtual_loop time;
    stream_context context{time};
    connection a{context};
    a.peer->write_error = EPIPE;
    outcome result;
    running it{time, write_it(*a.stream, "in vain", {}, result)};
    time.settle();
    REQUIRE(result.has_value());
    REQUIRE_FALSE(result->has_value());
    CHECK(result->error().code == EPIPE);
    CHECK(result->error().nothing_sent);
}

TEST_CASE("write batch: what the peer does not take at once waits for him, and cancelled then breaks the stream") {
    virtual_loop time;
    stream_context context{time};
    connection a{context};
    a.peer->window = 2;
    outcome result, after;
    {
        running it{time, write_it(*a.stream, "abc", "def", result)};
        time.settle();
        CHECK(a.peer->received == "ab");
        CHECK_FALSE(result.has_value());
        SECTION("taken later") {
            a.peer->open();
            time.settle();
            CHECK(a.peer->received == "abcdef");
            CHECK(result->has_value());
        }
        SECTION("broken later: part of it was sent") {
            a.peer->break_off(ECONNRESET);
            time.settle();
            REQUIRE_FALSE(result->has_value());
            CHECK_FALSE(result->error().nothing_sent);
        }
        SECTION("cancelled") {}
    }
    if (result) return;
    running next{time, write_it(*a.stream, "g", {}, after)};
    CHECK(after->error().code == io_error::broken);
}

TEST_CASE("write batch: what is large, or more than there is room for, is sent at once") {
    virtual_loop time;
    stream_context context{time};
    connection a{context};
    outcome result;
    const std::string large(write_batch::most_bytes + 1, 'x'), fits(write_batch::most_bytes, 'x');
    running it{time, write_it(*a.stream, large, {}, result)};
    CHECK(a.peer->received == large);
    CHECK(result->has_value());

    std::vector<connection> others;
    std::vector<outcome> results(write_batch::capacity / write_batch::most_bytes + 1);
    std::vector<std::unique_ptr<running<void>>> writers;
    for (auto& each : results) {
        others.emplace_back(context);
        writers.push_back(std::make_unique<running<void>>(time, write_it(*others.back().stream, fits, {}, each)));
    }
    CHECK(others.front().peer->received.empty());
    CHECK(others.back().peer->received == fits);
    time.settle();
    for (const auto& each : others) CHECK(each.peer->received == fits);

    outcome again;  // the memory is free again
    running next{time, write_it(*a.stream, "x", {}, again)};
    CHECK_FALSE(again.has_value());
}

TEST_CASE("write batch: a deadline that has passed takes the write back") {
    virtual_loop time;
    stream_context context{time};
    connection a{context};
    const auto late = [](loop& clock, byte_stream& to) -> task<bool> {
        const auto sent = co_await timeout_at(clock, clock.now(), to.write("late"));
        co_return sent.has_value();
    };
    running it{time, late(time, *a.stream)};
    time.settle();
    CHECK_FALSE(it.get());
    CHECK(a.peer->received.empty());
}

TEST_CASE("write batch: every peer gets what was written to him, in order, and nothing else", "[property]") {
    rc::prop("whatever is written, cancelled and sent in whatever order", [] {
        constexpr unsigned streams = 4;
        virtual_loop time;
        stream_context context{time};
        std::vector<connection> all;
        std::vector<std::string> expected(streams);
        for (unsigned i = 0; i < streams; ++i) all.emplace_back(context);
        std::vector<std::unique_ptr<running<void>>> writers(streams);
        std::vector<outcome> results(streams);
        std::vector<std::string> waiting(streams);  // the model: what each stream sends at the end of this turn
        const auto finish_turn = [&] {
            time.settle();
            for (unsigned i = 0; i < streams; ++i) {
                expected[i] += waiting[i];
                if (writers[i]) RC_ASSERT(results[i] && results[i]->has_value());
                waiting[i].clear();
                writers[i].reset();
                RC_ASSERT(all[i].peer->received == expected[i]);
            }
        };
        const auto steps = *rc::gen::inRange(0, 40);
        char letter = 'a';
        for (int step = 0; step < steps; ++step) {
            const auto i = *rc::gen::inRange(0u, streams);
            if (writers[i]) {
                if (*rc::gen::arbitrary<bool>()) {  // taken back
                    writers[i].reset();
                    waiting[i].clear();
                } else {
                    finish_turn();
                }
                continue;
            }
            const auto size =
                *rc::gen::element<std::size_t>(0, 1, 100, write_batch::most_bytes, write_batch::most_bytes + 1);
            const std::string text(size, letter);
            letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
            const auto split = *rc::gen::inRange<std::size_t>(0, size + 1);
            results[i].reset();
            writers[i] =
                std::make_unique<running<void>>(time, write_it(*all[i].stream, std::string_view{text}.substr(0, split),
                                                               std::string_view{text}.substr(split), results[i]));
            waiting[i] = text;
            if (results[i]) {  // it went out at once
                expected[i] += std::exchange(waiting[i], {});
                writers[i].reset();
            }
        }
        finish_turn();
    });
}
