#include "proxy/tls_watch.hpp"

#include <algorithm>
#include <filesystem>

#include "lib/async/race.hpp"

namespace weir {
namespace {

/// Changes when the file does; empty: it cannot be looked at.
std::vector<std::string> stamps_of(const std::vector<std::string>& files) {
    std::vector<std::string> all;
    for (const auto& each : files) {
        std::error_code problem;
        const auto written = std::filesystem::last_write_time(each, problem).time_since_epoch().count();
        const auto size = problem ? 0 : std::filesystem::file_size(each, problem);
        all.push_back(problem ? std::string{} : std::to_string(written) + "/" + std::to_string(size));
    }
    return all;
}

tls::wall_time wall_of(const loop& time) {
    return tls::wall_time{
        std::chrono::duration_cast<tls::wall_time::duration>(std::chrono::microseconds{time.wall_us()})};
}

struct reading {
    tls_contexts contexts;
    std::vector<conf::diagnostic> found;
    bool usable = false;
};

std::string line_of(const conf::diagnostic& what) {
    return what.file + ":" + std::to_string(what.where.at.line) + ":" + std::to_string(what.where.at.column) + ": " +
           what.message;
}

}  // namespace

tls_watch::tls_watch(loop& time, shared_state& shared, ticket_key_list keys, error_log& log)
    : time_{time}, shared_{shared}, keys_{std::move(keys)}, log_{log}, files_{files_of_tls(shared.config)},
      seen_{stamps_of(files_)}, read_at_{time.now()}, wake_{time} {}

task<void> tls_watch::run(event& stop) {
    if (files_.empty()) co_return;
    while (!stop.is_set()) {
        co_await race(stop.wait(), wake_.wait(), time_.sleep(look_every));
        if (stop.is_set()) co_return;
        wake_.clear();
        for (const auto& each : keys_)
            if (each) each->rotate(wall_of(time_));
        co_await look();
    }
}

task<void> tls_watch::look() {
    auto work = [files = files_] { return stamps_of(files); };
    auto now = co_await shared_.disk.run(time_, std::move(work));
    if (!now) co_return;  // the disk is busy: next time
    const bool due = forced_ || *now != seen_ || time_.now() - read_at_ > read_every;
    seen_ = std::move(*now);
    if (due) co_await read_all();
}

task<void> tls_watch::read_all() {
    auto work = [&config = shared_.config, keys = keys_, now = wall_of(time_)] {
        conf::diagnostics problems{config.file};
        reading result;
        result.contexts = load_tls(config, keys, now, problems);
        result.usable = !problems.has_errors();
        result.found = problems.take();
        return result;
    };
    auto read = co_await shared_.disk.run(time_, std::move(work));
    if (!read) co_return;
    const bool asked = std::exchange(forced_, false);
    read_at_ = time_.now();
    for (const auto& each : read->found)
        log_.write(each.level == conf::severity::error ? log_level::error : log_level::warn, line_of(each),
                   time_.wall_us());
    if (!read->usable) {
        log_.write(log_level::error, "TLS files not taken over; the old ones stay in use", time_.wall_us());
        co_return;
    }
    shared_.take(std::move(read->contexts));
    log_.write(log_level::info, asked ? "TLS files read again, as ordered" : "TLS files read again", time_.wall_us());
}

}  // namespace weir
