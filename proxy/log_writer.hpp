#pragma once
/// Writes log lines to a descriptor without ever holding up the loop.
///
///     log_writer access{time, disk, target, 8192};
///     background.spawn(access.run());
///     access.append(line);                          // never waits; a full queue drops the line and counts it
///
/// Lines gather in the batches of a bounded channel; every 50 ms what has gathered is written in one piece on an offload thread. If the
/// disk or the pipe stands still, the queue fills and the newest lines are dropped: traffic goes on. One per worker and log;
/// the file is shared by all workers and opened with O_APPEND, so lines never mix.
#include <expected>
#include <memory>
#include <mutex>
#include <string>

#include "lib/async/channel.hpp"
#include "lib/async/offload.hpp"
#include "lib/async/task.hpp"
#include "lib/telemetry/error_log.hpp"

namespace weir {

/// An open log: stdout, stderr or a file, which can be opened anew after it was renamed (USR1).
class log_target {
public:
    /// "stdout", "stderr" or a path. The error text says what failed.
    static std::expected<std::shared_ptr<log_target>, std::string> open(const std::string& where);
    ~log_target();
    log_target(const log_target&) = delete;
    log_target& operator=(const log_target&) = delete;

    /// Opens the path again; the old file stays in use if that fails. From one thread at a time.
    bool reopen();
    /// Writes all of it, waiting if need be. 0 or an errno value. From any thread.
    int write(std::string_view bytes);

private:
    explicit log_target(std::string where) : where_{std::move(where)} {}
    int open_file() const;
    std::string where_;
    std::mutex mutex_;
    int descriptor_ = -1;
};

class log_writer final : public line_sink {
public:
    log_writer(loop& time, offload_pool& disk, std::shared_ptr<log_target> target, std::size_t max_lines);

    void append(std::string_view line) override;
    /// Writes until finish() and everything is out.
    task<void> run();
    void finish() noexcept { batches_.close(); }

    /// Lines that found the queue full.
    std::uint64_t dropped() const noexcept { return dropped_; }

private:
    loop& time_;
    offload_pool& disk_;
    std::shared_ptr<log_target> target_;
    const std::size_t max_lines_;
    std::size_t waiting_ = 0;  // lines in the channel
    std::uint64_t dropped_ = 0;
    channel<std::string, when_full::refuse> batches_;  // of lines, so that a busy worker does not allocate for each
};

}  // namespace weir
