#include "proxy/process.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <optional>

#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "lib/async/seed.hpp"
#include "lib/async/signals.hpp"
#include "lib/net/listener.hpp"
#include "proxy/names.hpp"
#include "proxy/system.hpp"
#include "proxy/version.hpp"
#include "proxy/worker.hpp"

namespace weir {
namespace {

constexpr auto short_drain = 2s;  // INT
constexpr auto log_limit = 2s;    // for the last lines to be written, once all else is over
constexpr int cut_status = 4;

std::optional<address> address_of(const conf::endpoint& at) {
    if (!at.unix_path.empty()) return address::unix_socket(at.unix_path);
    if (at.host.empty()) return address::inet({}, at.port);  // [::]: every address, IPv4 too
    return address::parse_ip(at.host, at.port);
}

class process {
public:
    process(const conf::config& config, unsigned max_connections)
        : config_{config}, shared_{config, max_connections},
          signals_{time_, {SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1}} {}

    /// False: what stands in the way has been said.
    bool prepare();
    int run();

private:
    task<void> live();
    task<void> report_failures();
    void start_workers();
    /// Waits for the signal that ends it, handling the others.
    task<int> next_order();
    task<void> drain(int signal);
    task<void> wait_for_workers();
    void tell_all(worker_order order) {
        for (auto& each : workers_) each->tell(order);
    }
    task<bool> requests_are_open() {
        for (const auto& each : workers_) {
            const auto now = co_await timeout(time_, 100ms, each->numbers(time_));
            if (!now || now->requests_open > 0) co_return true;  // too busy to answer is busy
        }
        co_return false;
    }
    task<void> final_report();
    [[noreturn]] void leave_without_logs(int status);
    void log(log_level level, std::string_view message) { errors_->write(level, message, time_.wall_us()); }
    static bool complain(std::string_view what) {
        std::fprintf(stderr, "weir: %.*s\n", static_cast<int>(what.size()), what.data());
        return false;
    }

    const conf::config& config_;
    uv_loop time_;
    shared_state shared_;
    pid_file pid_;
    std::vector<bound_listener> listeners_;
    std::optional<log_writer> error_lines_;
    std::optional<error_log> errors_;
    signal_stream signals_;
    std::vector<std::unique_ptr<worker>> workers_;
    time_point began_{};
    int status_ = 0;
};

bool process::prepare() {
    auto errors = log_target::open(config_.error_log);
    if (!errors) return complain(errors.error());
    shared_.error_log = std::move(*errors);
    if (!config_.access_log.empty()) {
        auto access = log_target::open(config_.access_log);
        if (!access) return complain(access.error());
        shared_.access_log = std::move(*access);
    }
    error_lines_.emplace(time_, shared_.disk, shared_.error_log, 1024);
    errors_.emplace(*error_lines_, static_cast<log_level>(config_.error_level), "process");

    for (const auto& each : config_.listeners) {
        const auto at = address_of(each.address);
        if (!at) return complain("not an address to listen on: " + each.address.text);
        bind_options how;
        how.copies = config_.workers;
        how.backlog = each.backlog;
        how.defer_accept = each.defer_accept;
        auto bound = bind_listener(*at, how);
        if (!bound) return complain(bound.error());
        while (bound->descriptors.size() < config_.workers)  // a Unix socket, which the workers share
            bound->descriptors.push_back(::dup(bound->descriptors.front()));
        listeners_.push_back({&each, bound->at.text(), std::move(bound->descriptors)});
    }
    if (!config_.pid_file.empty()) {
        auto written = pid_file::write(config_.pid_file);
        if (!written) return complain(written.error());
        pid_ = std::move(*written);
    }
    if (auto dropped = drop_privileges(config_.user, config_.group); !dropped) return complain(dropped.error());
    return true;
}

int process::run() {
    began_ = time_.now();
    scope root{time_};
    root.spawn(live());
    time_.run();
    return status_;
}

task<void> process::live() {
    scope log_scope{time_};
    log_scope.spawn(error_lines_->run());
    {
        event stopping{time_};
        names dns{time_, shared_, *errors_};
        scope background{time_};
        co_await dns.look_up_all();
        background.spawn(dns.keep_fresh(stopping));
        start_workers();
        const int signal = co_await next_order();
        stopping.set();
        co_await drain(signal);
    }
    co_await final_report();
    errors_->summarise(time_.wall_us(), true);
    error_lines_->finish();
    if (!co_await timeout(time_, log_limit, log_scope.joined())) leave_without_logs(status_);
    time_.stop();
}

/// Whoever reads our logs stands still, and a thread that hangs in write() cannot be joined: so no destructors, and not
/// a word more, which might hang as well.
void process::leave_without_logs(int status) {
    pid_ = pid_file{};
    ::_exit(status);
}

void process::start_workers() {
    for (unsigned i = 0; i < config_.workers; ++i)
        workers_.push_back(std::make_unique<worker>(i, time_, shared_, listeners_, random_seed()));
    for (const auto& each : listeners_) {
        const bool http = each.settings->protocol == conf::http_protocol::http;
        log(log_level::info, "listening on " + each.name + (http ? " (http)" : " (tcp)"));
    }
    log(log_level::info, "ready: " + std::to_string(config_.workers) + " workers, at most " +
                             std::to_string(shared_.connections.places()) + " connections");
}

task<int> process::next_order() {
    while (auto signal = co_await signals_.next()) {
        if (*signal == SIGTERM || *signal == SIGQUIT || *signal == SIGINT) co_return *signal;
        if (*signal == SIGUSR1) {
            const bool fine = shared_.error_log->reopen() && (!shared_.access_log || shared_.access_log->reopen());
            log(fine ? log_level::info : log_level::error,
                fine ? "logs opened anew" : "cannot open the logs anew; the old ones stay in use");
        } else {
            log(log_level::warn, "HUP: this version cannot reload; drain and start again");
        }
    }
    co_return SIGTERM;
}

task<void> process::wait_for_workers() {
    for (auto& each : workers_) co_await each->ended();
}

/// The stages of a drain; a second order, or the deadline, cuts it short.
task<void> process::drain(int signal) {
    const bool brief = signal == SIGINT;
    const auto lame_duck = brief ? 0ms : config_.drain.lame_duck;
    const auto limit = brief ? std::min<milliseconds>(short_drain, config_.drain.deadline) : config_.drain.deadline;
    const auto deadline = time_.now() + limit;
    log(log_level::info, "draining: " + std::to_string(lame_duck.count()) + " ms of grace, " +
                             std::to_string(limit.count()) + " ms at most");
    began_ = time_.now();

    tell_all(worker_order::hint_close);
    auto ordered = co_await timeout(time_, lame_duck, next_order());
    if (!ordered) {
        tell_all(worker_order::stop_accepting);
        // Idle connections are closed once nothing is running, at half-time at the latest: until then their next request is
        // served, with the hint to leave. A request that crosses the closing is the one race HTTP/1.1 cannot avoid.
        const auto half = time_.now() + (deadline - time_.now()) / 2;
        auto gone = wait_for_workers();
        scope waiting{time_};
        event all_ended{time_};
        waiting.spawn([](task<void> ends, event& done) -> task<void> {
            co_await ends;
            done.set();
        }(std::move(gone), all_ended));
        while (!ordered && !all_ended.is_set() && time_.now() < half) {
            const bool busy = co_await requests_are_open();
            if (!busy) break;
            auto first = co_await timeout(time_, 20ms, race(all_ended.wait(), next_order()));
            if (first && first->index() == 1) ordered = std::get<1>(*first);
        }
        if (!ordered && !all_ended.is_set()) {
            tell_all(worker_order::close_idle);
            auto first = co_await timeout_at(time_, deadline, race(all_ended.wait(), next_order()));
            if (first && first->index() == 1) ordered = std::get<1>(*first);
        }
        if (all_ended.is_set()) co_return;
    }
    log(log_level::warn, ordered ? "second signal: stopping now" : "drain deadline: cutting what is left");
    tell_all(worker_order::cut);
    if (co_await timeout(time_, log_limit, wait_for_workers())) co_return;
    leave_without_logs(cut_status);
}

task<void> process::final_report() {
    worker::report sum;
    for (const auto& each : workers_) {
        const auto one = co_await each->numbers(time_);
        sum.connections += one.connections;
        sum.requests += one.requests;
        sum.cut += one.cut;
        sum.log_lines_dropped += one.log_lines_dropped;
    }
    const auto took = std::chrono::duration_cast<milliseconds>(time_.now() - began_);
    log(log_level::info, "stopped: drained in " + std::to_string(took.count()) + " ms; served " +
                             std::to_string(sum.requests) + " requests on " + std::to_string(sum.connections) +
                             " connections; " + std::to_string(sum.cut) + " connections cut; " +
                             std::to_string(sum.log_lines_dropped) + " log lines dropped");
    if (sum.cut > 0) status_ = cut_status;
}

}  // namespace

int run_process(const conf::config& config) {
    std::signal(SIGPIPE, SIG_IGN);
    const auto descriptors = raise_descriptor_limit();
    const auto possible = connections_for(descriptors, config.workers, static_cast<unsigned>(config.listeners.size()));
    if (config.max_connections && *config.max_connections > possible)
        std::fprintf(stderr,
                     "weir: warning: max_connections %u needs more descriptors than the limit of %u allows; using %u\n",
                     *config.max_connections, descriptors, possible);
    process whole{config, config.max_connections ? std::min(*config.max_connections, possible) : possible};
    if (!whole.prepare()) return 1;
    return whole.run();
}

}  // namespace weir
