#include "proxy/tls_watch.hpp"

#include <filesystem>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/running.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

struct kept_lines : line_sink {
    void append(std::string_view line) override { text += line; }
    bool told(std::string_view what) const { return text.find(what) != text.npos; }
    std::string text;
};

tls::wall_time wall_of(const loop& time) { return tls::wall_time{std::chrono::microseconds{time.wall_us()}}; }

/// A listener whose certificate is at a place of its own, and the watch over it.
struct watched {
    static constexpr std::chrono::days long_ago{5000};  // the loop's clock is not the real one

    watched() : stopping{time}, log{lines, log_level::info, "test"} {
        put(ca.issue({.names = {"a.test"}, .valid_since = -long_ago, .common_name = "first"}));
        config = configured("listen 127.0.0.1:1 { tls { certificate " + live.certificate + " key=" + live.key +
                            "; } route / web; } backend web { server 127.0.0.1:9001; }");
        shared = std::make_unique<shared_state>(config, 10, 7);
        keys = make_ticket_keys(config, wall_of(time));
        conf::diagnostics problems{"test.conf"};
        shared->take(load_tls(config, keys, wall_of(time), problems));
        REQUIRE_FALSE(problems.has_errors());
        watch = std::make_unique<tls_watch>(time, *shared, keys, log);
        runs = std::make_unique<running<void>>(time, watch->run(stopping));
    }
    void put(const tls::certificate_files& files) const {
        constexpr auto over = std::filesystem::copy_options::overwrite_existing;
        std::filesystem::copy_file(files.certificate, live.certificate, over);
        std::filesystem::copy_file(files.key, live.key, over);
    }
    /// It looks once, and reads if it must: so many jobs of the disk's thread, which takes the time it takes.
    void look(std::uint64_t jobs) {
        const auto all = shared->disk.statistics().done + jobs;
        time.advance(tls_watch::look_every);
        const auto patience = std::chrono::steady_clock::now() + 20s;
        while (shared->disk.statistics().done < all && std::chrono::steady_clock::now() < patience) {
            std::this_thread::yield();
            time.settle();
        }
        CHECK(shared->disk.statistics().done == all);
        // What they came to is told after they are counted, in their order: so one more job, and its result.
        running<std::optional<int>> last{time, ask_disk()};
        while (!last.done() && std::chrono::steady_clock::now() < patience) {
            std::this_thread::yield();
            time.settle();
        }
        CHECK(last.done());
    }
    task<std::optional<int>> ask_disk() {
        auto work = [] { return 1; };
        co_return co_await shared->disk.run(time, std::move(work));
    }
    std::string subject() const { return shared->listeners[0].tls->context.get()->certificates().at(0).subject; }

    virtual_loop time;
    test_ca ca;
    tls::certificate_files live{.certificate = ca.path("live.pem"), .key = ca.path("live.key")};
    event stopping;
    kept_lines lines;
    error_log log;
    conf::config config;
    std::unique_ptr<shared_state> shared;
    ticket_key_list keys;
    std::unique_ptr<tls_watch> watch;
    std::unique_ptr<running<void>> runs;
};

constexpr std::uint64_t looked = 1, looked_and_read = 2;

}  // namespace

TEST_CASE("tls watch: files that have changed are read again, others are not", "[tls]") {
    watched files;
    CHECK(files.subject() == "CN=first");
    const auto before = files.shared->listeners[0].tls->context.get();
    files.look(looked);
    CHECK(files.shared->listeners[0].tls->context.get() == before);
    CHECK(files.lines.text.empty());

    files.put(files.ca.issue({.names = {"a.test"}, .valid_since = -files.long_ago, .common_name = "the second"}));
    files.look(looked_and_read);
    CHECK(files.subject() == "CN=the second");
    CHECK(files.lines.told("TLS files read again"));
}

TEST_CASE("tls watch: what is wrong with a file is told, and changes nothing", "[tls]") {
    watched files;
    std::filesystem::resize_file(files.live.certificate, 100);
    files.look(looked_and_read);
    CHECK(files.subject() == "CN=first");
    CHECK(files.lines.told(files.live.certificate));
    CHECK(files.lines.told("the old ones stay in use"));
}

TEST_CASE("tls watch: once a day they are read in any case", "[tls]") {
    watched files;
    const auto before = files.shared->listeners[0].tls->context.get();
    files.time.advance(tls_watch::read_every);
    for (int i = 0; i < 100'000 && !files.lines.told("TLS files read again"); ++i) {
        files.time.advance(tls_watch::look_every);
        std::this_thread::yield();
    }
    CHECK(files.shared->listeners[0].tls->context.get() != before);
}
