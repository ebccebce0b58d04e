#include "proxy/process.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>

#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "lib/async/seed.hpp"
#include "lib/async/signals.hpp"
#include "lib/async/stream.hpp"
#include "lib/net/listener.hpp"
#include "proxy/admin.hpp"
#include "proxy/health.hpp"
#include "proxy/names.hpp"
#include "proxy/sampler.hpp"
#include "proxy/system.hpp"
#include "proxy/tls_watch.hpp"
#include "proxy/version.hpp"
#include "proxy/worker.hpp"

namespace weir {
namespace {

constexpr auto short_drain = 2s;      // INT
constexpr auto log_limit = 2s;        // for the last lines to be written, once all else is over
constexpr auto worker_limit = 500ms;  // for a worker to say how it goes
constexpr auto backends_every = 100ms;
constexpr auto queues_every = 5ms;  // while somebody waits in one
constexpr int cut_status = 4;

std::optional<address> address_of(const conf::endpoint& at) {
    if (!at.unix_path.empty()) return address::unix_socket(at.unix_path);
    if (at.host.empty()) return address::inet({}, at.port);  // [::]: every address, IPv4 too
    return address::parse_ip(at.host, at.port);
}

/// In Unix time.
std::int64_t first_expiry(const tls::server_context& context) {
    const auto& all = context.certificates();
    const auto first = std::ranges::min_element(all, {}, &tls::certificate_facts::not_after);
    return first == all.end() ? 0 : std::chrono::system_clock::to_time_t(first->not_after);
}

class process {
public:
    process(const conf::config& config, tls_contexts tls, unsigned max_connections, unsigned descriptors)
        : config_{config}, ticket_keys_{std::move(tls.keys)},
          signals_{time_, {SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1}}, shared_{config, max_connections, random_seed()},
          streams_{time_}, started_{time_.now()} {
        shared_.load.descriptors_limit = descriptors;
        shared_.load.memory_limit = config.shed.memory_bytes ? *config.shed.memory_bytes : memory_limit();
        if (shared_.load.memory_limit > 0) shared_.replays.set_limit(shared_.load.memory_limit / 100);
        shared_.take(std::move(tls));
    }

    /// False: what stands in the way has been said.
    bool prepare();
    int run();

private:
    bool prepare_admin();
    task<void> live();
    task<void> tick_backends();
    task<process_status> look();
    task<void> ask(worker& whom, std::optional<worker_status>& answer) { answer = co_await whom.status(time_); }
    void start_workers();
    void enter(run_phase next, std::string why);
    /// Waits for the signal that ends it, handling the others.
    task<int> next_order();
    void open_logs_anew();
    void reload();
    task<void> drain(int signal);
    task<void> wait_for_workers();
    void tell_all(worker_order order) {
        for (auto& each : workers_) each->tell(order);
    }
    task<bool> requests_are_open() {
        for (const auto& each : workers_) {
            const auto now = co_await timeout(time_, 100ms, each->status(time_));
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
    ticket_key_list ticket_keys_;
    uv_loop time_;
    signal_stream signals_;  // outlives the pools: while their threads end, one more TERM does not kill
    shared_state shared_;
    pid_file pid_;
    std::vector<bound_listener> listeners_;
    stream_context streams_;  // of the admin listener
    std::optional<listener> admin_door_;
    std::optional<log_writer> error_lines_;
    std::optional<error_log> errors_;
    std::vector<std::unique_ptr<worker>> workers_;
    std::vector<worker_status> known_;  // of the workers, as they last answered
    tls_watch* tls_files_ = nullptr;    // while we serve
    run_phase phase_ = run_phase::starting;
    const time_point started_;
    time_point began_{};  // the drain
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
    if (!prepare_admin()) return false;
    if (!config_.pid_file.empty()) {
        auto written = pid_file::write(config_.pid_file);
        if (!written) return complain(written.error());
        pid_ = std::move(*written);
    }
    if (auto dropped = drop_privileges(config_.user, config_.group); !dropped) return complain(dropped.error());
    return true;
}

bool process::prepare_admin() {
    if (!config_.admin) return true;
    const auto at = address_of(*config_.admin);
    if (!at) return complain("not an address to listen on: " + config_.admin->text);
    auto bound = bind_listener(*at, {});
    if (!bound) return complain(bound.error());
    admin_door_.emplace(streams_, bound->descriptors.front(), listener::options{});
    log(log_level::info, "admin pages at " + bound->at.text());
    return true;
}

int process::run() {
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
        tls_watch tls_files{time_, shared_, ticket_keys_, *errors_};
        tls_files_ = &tls_files;
        health checks{time_, shared_, *errors_, random_seed()};
        admin pages{time_, shared_, *errors_, phase_, random_seed(), [this] { return look(); }};
        scope background{time_};
        background.spawn(watch_load(time_, shared_.load));
        if (admin_door_) background.spawn(pages.run(*admin_door_));
        co_await dns.look_up_all();
        background.spawn(dns.keep_fresh(stopping));
        background.spawn(checks.run(stopping));
        background.spawn(tick_backends());
        background.spawn(tls_files.run(stopping));
        start_workers();
        enter(run_phase::serving, "ready");
        const int signal = co_await next_order();
        enter(run_phase::draining, signal == SIGINT ? "INT" : signal == SIGQUIT ? "QUIT" : "TERM");
        stopping.set();
        co_await drain(signal);
        tls_files_ = nullptr;
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

void process::enter(run_phase next, std::string why) {
    const auto before = std::exchange(phase_, next);
    shared_.events.add(time_.now(), {.kind = journal_kind::phase,
                                     .from = std::string{word(before)},
                                     .to = std::string{word(next)},
                                     .why = std::move(why)});
}

task<void> process::tick_backends() {
    for (auto next = time_.now();;) {
        if (time_.now() >= next) {
            for (auto& each : shared_.backends) each.tick(time_);
            next = time_.now() + backends_every;
        }
        auto soonest = next;
        for (auto& each : shared_.backends) soonest = std::min(soonest, each.expire(time_));
        co_await time_.sleep_until(std::min(std::max(soonest, time_.now() + queues_every), next));
    }
}

task<process_status> process::look() {
    std::vector<std::optional<worker_status>> answers(workers_.size());
    {
        scope asking{time_};
        for (std::size_t i = 0; i < answers.size(); ++i) asking.spawn(ask(*workers_[i], answers[i]));
        co_await timeout(time_, worker_limit, asking.joined());
    }
    known_.resize(workers_.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (answers[i]) known_[i] = std::move(*answers[i]);
        else known_[i].answered = false;
    }
    process_status now;
    now.version = version_line();
    now.version.pop_back();  // the end of the line
    now.phase = phase_;
    now.pid = ::getpid();
    now.uptime = time_.now() - started_;
    now.connections_open = shared_.connections.inside();
    now.connections_limit = shared_.connections.places();
    now.connections_full_total = shared_.connections.full_count();
    now.memory_used = shared_.load.memory_used;
    now.memory_limit = shared_.load.memory_limit;
    now.replay_held = shared_.replays.held();
    now.replay_limit = shared_.replays.limit();
    now.replay_refused = shared_.replays.refused();
    now.descriptors_open = shared_.load.descriptors_open;
    now.descriptors_limit = shared_.load.descriptors_limit;
    now.error_lines_dropped = error_lines_->dropped();
    now.events = shared_.events.count();
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
        auto& from = shared_.listeners[i];
        auto& to = now.listeners.emplace_back();
        to.address = listeners_[i].name;
        to.protocol = listeners_[i].settings->protocol;
        to.open = from.gate.inside();
        to.limit = from.gate.places();
        to.full_total = from.gate.full_count();
        to.total = from.connections_total;
        to.clients_refused_total = from.clients_refused_total;
        if (from.tls) {
            to.handshakes_open = from.tls->gate.inside();
            to.certificate_not_after = first_expiry(*from.tls->context.get());
        }
        const std::lock_guard lock{from.mutex};
        to.clients = from.clients.clients();
    }
    now.workers = known_;
    for (auto& each : shared_.backends) now.backends.push_back(each.status(time_.now()));
    for (const auto* each : {&shared_.disk, &shared_.dns}) now.pools.push_back({each->name(), each->statistics()});
    if (shared_.handshakes) now.pools.push_back({shared_.handshakes->name(), shared_.handshakes->statistics()});
    for (const auto& worker : now.workers) {
        if (worker.handshake_turns) now.pools.push_back(*worker.handshake_turns);
        now.error_lines_dropped += worker.error_lines_dropped;
        for (std::size_t b = 0; b < worker.idle_connections.size(); ++b)
            for (std::size_t i = 0; i < worker.idle_connections[b].size(); ++i)
                now.backends[b].servers[i].connections_idle += worker.idle_connections[b][i];
    }
    co_return now;
}

task<int> process::next_order() {
    while (auto signal = co_await signals_.next()) {
        if (*signal == SIGTERM || *signal == SIGQUIT || *signal == SIGINT) co_return *signal;
        if (*signal == SIGUSR1) open_logs_anew();
        else reload();
    }
    co_return SIGTERM;
}

void process::open_logs_anew() {
    const bool fine = shared_.error_log->reopen() && (!shared_.access_log || shared_.access_log->reopen());
    log(fine ? log_level::info : log_level::error,
        fine ? "logs opened anew" : "cannot open the logs anew; the old ones stay in use");
}

void process::reload() {
    if (tls_files_ && tls_files_->has_files()) return tls_files_->reload();
    log(log_level::warn, "HUP: there are no TLS files to read again; for a new configuration drain and start again");
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
    worker_status sum;
    for (const auto& each : workers_) {
        const auto one = co_await each->status(time_);
        sum.connections += one.connections;
        sum.requests += one.requests;
        sum.cut += one.cut;
        sum.access_lines_dropped += one.access_lines_dropped;
    }
    const auto took = std::chrono::duration_cast<milliseconds>(time_.now() - began_);
    log(log_level::info, "stopped: drained in " + std::to_string(took.count()) + " ms; served " +
                             std::to_string(sum.requests) + " requests on " + std::to_string(sum.connections) +
                             " connections; " + std::to_string(sum.cut) + " connections cut; " +
                             std::to_string(sum.access_lines_dropped) + " log lines dropped");
    if (sum.cut > 0) status_ = cut_status;
}

}  // namespace

int run_process(const conf::config& config, tls_contexts tls) {
    std::signal(SIGPIPE, SIG_IGN);
    const auto descriptors = raise_descriptor_limit();
    const auto possible = connections_for(descriptors, config.workers, static_cast<unsigned>(config.listeners.size()));
    if (config.max_connections && *config.max_connections > possible)
        std::fprintf(stderr,
                     "weir: warning: max_connections %u needs more descriptors than the limit of %u allows; using %u\n",
                     *config.max_connections, descriptors, possible);
    const auto most = config.max_connections ? std::min(*config.max_connections, possible) : possible;
    process whole{config, std::move(tls), most, descriptors};
    if (!whole.prepare()) return 1;
    return whole.run();
}

}  // namespace weir
