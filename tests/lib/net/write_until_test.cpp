#include <optional>
#include <string>

#include "tests/support/fake_stream.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

/// What a write with a second's time came to, and whether the stream can be written to afterwards.
struct writing {
    explicit writing(std::size_t window) {
        auto made = fake_stream::make(context);
        stream = std::move(made.first);
        peer = std::move(made.second);
        peer->window = window;
    }
    task<void> write(std::string text, nanoseconds within) {
        auto operation = stream->write_until(time.now() + within, text);  // kept: what is over must not wake us again
        result = co_await operation;
        ended = time.now();
        after = co_await stream->write("!");
        co_await time.sleep(1h);
        slept = true;
    }
    virtual_loop time;
    stream_context context{time};
    stream_ptr stream;
    std::shared_ptr<fake_peer> peer;
    std::optional<io_result<>> result;
    std::optional<io_result<>> after;
    time_point ended{};
    bool slept = false;
};

}  // namespace

TEST_CASE("write_until: what the peer takes in time is a write like any other") {
    const std::string text(GENERATE(10u, write_batch::most_bytes + 1), 'x');
    writing w{GENERATE(std::size_t{2}, std::size_t{1} << 20)};
    running it{w.time, w.write(text, 1s)};
    w.time.advance(999ms);
    w.peer->open();
    w.time.advance(1ms);
    REQUIRE(w.result.has_value());
    CHECK(w.result.value().has_value());
    CHECK(w.after->has_value());
    CHECK(w.peer->received == text + "!");
    w.time.advance(1h - 1s - 1ms);
    CHECK_FALSE(w.slept);  // the clock has not woken whoever went on
}

TEST_CASE("write_until: the time is up while the peer takes no more") {
    const std::string text(GENERATE(10u, write_batch::most_bytes + 1), 'x');
    writing w{2};
    const auto began = w.time.now();
    running it{w.time, w.write(text, 1s)};
    w.time.advance(999ms);
    CHECK(w.ended == time_point{});
    w.time.advance(1ms);
    CHECK(w.ended == began + 1s);
    CHECK_FALSE(w.result.has_value());
    REQUIRE(w.after.has_value());
    CHECK(w.after->error().code == io_error::broken);
    CHECK(w.peer->received == "xx");
}

TEST_CASE("write_until: the time was up before, and nothing was written") {
    writing w{1 << 20};
    running it{w.time, w.write("late", 0s)};
    w.time.settle();
    CHECK_FALSE(w.result.has_value());
    CHECK(w.after->has_value());
    CHECK(w.peer->received == "!");
}

TEST_CASE("write_until: an error is told as such") {
    writing w{2};
    running it{w.time, w.write("lost", 1s)};
    w.time.settle();
    w.peer->break_off(ECONNRESET);
    w.time.settle();
    REQUIRE(w.result.has_value());
    CHECK(w.result->error().code == ECONNRESET);
}

TEST_CASE("write_until: taken and too late in the same turn, what comes first counts and its writer goes on once") {
    writing w{2};
    const auto open_in_time = [](writing& of) -> task<void> {
        co_await of.time.sleep(1s);
        of.peer->open();
    };
    const bool taken_first = GENERATE(true, false);
    std::optional<running<void>> it, opener;
    if (taken_first) opener.emplace(w.time, open_in_time(w));
    it.emplace(w.time, w.write("abc", 1s));
    w.time.settle();  // its clock runs from here
    if (!taken_first) opener.emplace(w.time, open_in_time(w));
    w.time.advance(1s);
    CHECK(w.result.has_value() == taken_first);
    CHECK(w.after->has_value() == taken_first);
    w.time.advance(1h - 1ms);
    CHECK_FALSE(w.slept);
    w.time.advance(1ms);
    CHECK(w.slept);
}
