#pragma once
/// Child programs for end-to-end tests: started with arguments, watched through their output, ended by pid.
///
///     weir::testing::origin_process origin{{"--name", "a"}};                  // program $WEIR_ORIGIN, on a free port
///     weir::testing::child_process proxy{{weir::testing::program("WEIR"), "-f", file}};
///     auto line = proxy.wait_for("listening on ");                         // first line of stdout that contains it
///     REQUIRE(line);
///     auto port = weir::testing::port_in(*line);
///     proxy.signal(SIGTERM);
///     CHECK(proxy.wait() == 0);
///
/// What a child writes is collected from the start by a thread, so a child never blocks on a full pipe. The destructor
/// sends SIGTERM, after a grace of two seconds SIGKILL, and reaps the child. A child also dies with the thread that
/// started it, so a crashed test leaves nothing behind.
///
/// A program that cannot be started is a std::runtime_error of the constructor. One object belongs to one thread.
#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weir::testing {

/// The path that the environment variable holds (the Makefile sets WEIR, WEIR_ORIGIN, WEIR_LOADGEN), else
/// build/release/ and the name in small letters without "WEIR_". Throws if there is no such program.
std::string program(const char* variable);

/// The number behind the last colon: 8080 for "listening on 127.0.0.1:8080". 0 if there is none.
std::uint16_t port_in(std::string_view line);

class child_process {
public:
    using milliseconds = std::chrono::milliseconds;

    /// `environment` holds NAME=VALUE entries added to our own; SIGPIPE is put back to its default for the child.
    explicit child_process(std::vector<std::string> command, std::vector<std::string> environment = {});
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process();

    /// The first whole line of stdout (without its newline) that contains `text`; nothing if it did not come in time
    /// or the output ended before. The time limit is there for broken programs only: give a generous one.
    std::optional<std::string> wait_for(std::string_view text, milliseconds limit = std::chrono::seconds{20});
    /// The same on stderr.
    std::optional<std::string> wait_for_error(std::string_view text, milliseconds limit = std::chrono::seconds{20});

    /// The exit code, or 128 + the signal that ended it; nothing if it still runs after `limit`. Once it has a value,
    /// everything that the child wrote is in output() and errors().
    std::optional<int> wait(milliseconds limit = std::chrono::seconds{20});
    bool running() { return !wait(milliseconds{0}); }

    /// Sends a signal; does nothing once the child has been waited for.
    void signal(int number) const;

    std::string output() const;  ///< stdout so far
    std::string errors() const;  ///< stderr so far
    pid_t pid() const { return pid_; }

private:
    struct stream {
        int fd = -1;
        std::string text;
        bool ended = false;
    };

    void start(const std::vector<std::string>& command, const std::vector<std::string>& environment);
    void collect();
    std::optional<std::string> find_line(stream& from, std::string_view text, milliseconds limit);

    pid_t pid_ = -1;
    int pid_fd_ = -1, stop_fd_ = -1;
    std::optional<int> code_;
    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    stream out_, err_;
    std::thread collector_;
};

/// The controllable origin server (tests/support/origin.cpp) on a free port of 127.0.0.1, ready to be connected to.
class origin_process : public child_process {
public:
    explicit origin_process(std::vector<std::string> arguments = {});

    const std::string& address() const { return address_; }  ///< "127.0.0.1:34567", or "unix:/path"
    std::uint16_t port() const { return port_in(address_); }

private:
    std::string address_;
};

}  // namespace weir::testing
