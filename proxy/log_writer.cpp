#include "proxy/log_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/async/stream.hpp"

namespace weir {
namespace {

constexpr auto gather_for = 50ms;
constexpr std::size_t batch_bytes = 16 * 1024;
constexpr std::size_t batches_at_once = 4096;

}  // namespace

std::expected<std::shared_ptr<log_target>, std::string> log_target::open(const std::string& where) {
    std::shared_ptr<log_target> target{new log_target{where}};
    target->descriptor_ = target->open_file();
    if (target->descriptor_ >= 0) return target;
    return std::unexpected{"cannot open " + where + ": " + strerrordesc_np(errno)};
}

int log_target::open_file() const {
    if (where_ == "stdout") return ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    if (where_ == "stderr") return ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    return ::open(where_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

log_target::~log_target() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

bool log_target::reopen() {
    const int fresh = open_file();
    if (fresh < 0) return false;
    const std::lock_guard lock{mutex_};
    ::close(descriptor_);
    descriptor_ = fresh;
    return true;
}

int log_target::write(std::string_view bytes) {
    const std::lock_guard lock{mutex_};
    while (!bytes.empty()) {
        const auto written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {  // somebody made our terminal or pipe non-blocking
            pollfd ready{descriptor_, POLLOUT, 0};
            ::poll(&ready, 1, 1000);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

log_writer::log_writer(loop& time, offload_pool& disk, std::shared_ptr<log_target> target, std::size_t max_lines)
    : time_{time}, disk_{disk}, target_{std::move(target)}, max_lines_{max_lines}, batches_{time, max_lines} {}

void log_writer::append(std::string_view line) {
    if (waiting_ >= max_lines_) {
        ++dropped_;
        return;
    }
    auto* newest = batches_.newest();
    if (newest && newest->size() + line.size() <= newest->capacity()) {
        newest->append(line);
    } else {
        std::string batch;
        batch.reserve(std::max(newest ? batch_bytes : 0, line.size()));  // the first of a quiet time stays small
        batch.append(line);
        if (!batches_.push(std::move(batch))) return;  // finished
    }
    ++waiting_;
}

task<void> log_writer::run() {
    auto gathered = batches_ | chunks(time_, batches_at_once, 0ns) | throttle(time_, gather_for);
    while (auto batches = co_await gathered.next()) {
        waiting_ = 0;
        auto write = [target = target_, pieces = std::move(*batches)] {
            int failed = 0;
            for (const auto& piece : pieces)
                if (const int error = target->write(piece)) failed = error;
            return failed;
        };
        co_await disk_.run(time_, std::move(write));
    }
}

}  // namespace weir
