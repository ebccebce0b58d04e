#include "tests/support/loadgen_engine.hpp"

#include <netdb.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "tests/support/loadgen_tls.hpp"
#include "tests/support/origin_digest.hpp"

namespace loadgen {
namespace {

constexpr std::uint64_t stop_key = ~std::uint64_t{0};
constexpr std::uint64_t small_body = 65536;

timespec as_timespec(nanoseconds t) { return {t.count() / 1'000'000'000, t.count() % 1'000'000'000}; }

}  // namespace

const char* name_of(failure kind) {
    switch (kind) {
    case failure::connect: return "connect";
    case failure::reset: return "reset";
    case failure::closed: return "closed";
    case failure::timeout: return "timeout";
    case failure::bad_response: return "bad_response";
    case failure::mismatch: return "mismatch";
    case failure::tls: return "tls";
    case failure::count_: break;
    }
    return "";
}

std::uint64_t tally::failed() const { return std::accumulate(errors.begin(), errors.end(), std::uint64_t{0}); }

socket_address resolve(const std::string& text) {
    socket_address found;
    if (text.starts_with("unix:")) {
        auto* unix_address = reinterpret_cast<sockaddr_un*>(&found.storage);
        const auto path = text.substr(5);
        if (path.empty() || path.size() >= sizeof unix_address->sun_path) throw std::runtime_error{"bad path: " + text};
        unix_address->sun_family = AF_UNIX;
        std::ranges::copy(path, unix_address->sun_path);
        found.size = sizeof *unix_address;
        return found;
    }
    const auto colon = text.rfind(':');
    if (colon == text.npos) throw std::runtime_error{"no port in '" + text + "'"};
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (const int code = getaddrinfo(host.c_str(), text.c_str() + colon + 1, &hints, &list); code != 0)
        throw std::runtime_error{"'" + text + "': " + gai_strerror(code)};
    std::memcpy(&found.storage, list->ai_addr, list->ai_addrlen);
    found.size = list->ai_addrlen;
    freeaddrinfo(list);
    return found;
}

engine::engine(plan what) : plan_{std::move(what)}, buffer_(plan_.kind == traffic::http ? 65536 : 262144) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    stop_event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = stop_key;
    if (epoll_ < 0 || stop_event_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_event_, &event) != 0)
        throw std::runtime_error{"epoll"};

    if (plan_.tls) tls_ = context_for(*plan_.tls);
    requests_ = plan_.heads;
    auto bytes = plan_.kind == traffic::http ? plan_.body_bytes : plan_.message_bytes;
    if (requests_.empty()) requests_.emplace_back();
    if (bytes <= small_body)
        for (auto& request : requests_) request += origin::known_bytes(0, bytes);
    else body_apart_ = bytes;

    auto kinds = plan_.kinds;
    if (kinds.empty())
        kinds.push_back({.name = {}, .source = {}, .rate = plan_.rate, .connections = plan_.connections});
    tally_.kinds.resize(plan_.kinds.size());
    tally_.steps.resize(plan_.steps.size());
    for (std::uint32_t kind = 0; kind < kinds.size(); ++kind) {
        auto& l = lanes_.emplace_back();
        l.source = kinds[kind].source;
        auto seed = plan_.random_gaps;
        if (seed) *seed += kind;
        if (kinds[kind].rate > 0) l.due.emplace(kinds[kind].rate, plan_.steps, seed);
        for (unsigned i = 0; i < kinds[kind].connections; ++i) {
            clients_.push_back(std::make_unique<client>());
            clients_.back()->kind = kind;
            rest(static_cast<std::uint32_t>(clients_.size() - 1));
        }
    }
}

engine::~engine() {
    for (auto& c : clients_) {
        c->tls.reset();
        if (c->fd >= 0) close(c->fd);
    }
    close(epoll_);
    close(stop_event_);
}

void engine::stop() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto told = write(stop_event_, &one, sizeof one);
}

tally engine::run() {
    start_ = now_ = steady::now();
    for (auto& each : lanes_) each.waiting_since = start_;
    second_end_ = start_ + std::chrono::seconds{1};
    bool holding = false;
    while (true) {
        if (!holding) want_more();
        for (auto& each : lanes_) expire(each);
        if (now_ >= second_end_) end_second();
        if (!holding && finished()) {
            tally_.elapsed = now_ - start_;
            end_last_second();
            if (!plan_.hold || stopping_) break;
            holding = true;
            if (on_holding) on_holding(tally_);
        }
        if (holding && stopping_) break;
        std::array<epoll_event, 256> events;
        const auto limit = as_timespec(wait_limit());
        const int ready =
            epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), holding ? nullptr : &limit, nullptr);
        now_ = steady::now();
        for (int i = 0; i < ready; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            if (event.data.u64 == stop_key) {
                stopping_ = true;
                epoll_ctl(epoll_, EPOLL_CTL_DEL, stop_event_, nullptr);
            } else {
                on_event(static_cast<std::uint32_t>(event.data.u64), event.events);
            }
        }
        for (const auto who : std::exchange(again_, {})) receive_some(who);
    }
    return std::move(tally_);
}

bool engine::finished() const {
    const bool enough = stopping_ || (plan_.requests > 0 && wanted_ >= plan_.requests) ||
                        (plan_.duration.count() > 0 && now_ - start_ >= plan_.duration);
    if (!enough || busy_ > 0) return false;
    steady::time_point when;  // open loop: what was wanted in time is still owed
    return stopping_ ||
           std::ranges::none_of(lanes_, [&](const lane& each) { return each.due && next_wanted(each, when); });
}

/// When the next request is wanted; false if no more will be.
bool engine::next_wanted(const lane& of, steady::time_point& when) const {
    if (stopping_ || (plan_.requests > 0 && wanted_ >= plan_.requests)) return false;
    if (of.due && of.due->next() == schedule::never) return false;
    when = of.due ? start_ + of.due->next() : std::max(now_, not_before_);
    return plan_.duration.count() == 0 || when < start_ + plan_.duration;
}

/// Gives what is wanted by now to the connections that are free.
void engine::want_more() {
    for (std::uint32_t kind = 0; kind < lanes_.size(); ++kind) want_more(kind);
}

void engine::want_more(std::uint32_t kind) {
    auto& mine = lanes_[kind];
    steady::time_point when;
    for (auto budget = clients_.size() + 1024; budget > 0 && next_wanted(mine, when) && when <= now_; --budget) {
        const auto step = mine.due ? mine.due->step() : 0;
        if (now_ - when >= plan_.timeout) {  // waited too long for a connection: its client has given up
            ++wanted_;
            ++second_.wanted;
            ++second_.errors;
            ++tally_.errors[static_cast<std::size_t>(failure::timeout)];
            tell_groups(step, kind, [](group_tally& of) { ++of.wanted, ++of.errors; });
            if (mine.due) mine.due->advance();
            continue;
        }
        if (mine.idle.empty()) return;
        const auto who = mine.idle.front();
        mine.idle.pop_front();
        clients_[who]->in_queue = false;
        if (mine.due) {
            tally_.lateness.record(now_ - std::max(when, mine.waiting_since));
            mine.due->advance();
        }
        begin(who, when, step);
    }
}

void engine::begin(std::uint32_t who, steady::time_point wanted, std::size_t step) {
    auto& c = *clients_[who];
    const auto& request = requests_[wanted_ % requests_.size()];
    ++wanted_;
    ++second_.wanted;
    ++tally_.sent;
    ++busy_;
    ++c.turn;
    c.wanted = wanted;
    c.step = step;
    tell_groups(step, c.kind, [](group_tally& of) { ++of.wanted; });
    c.to_send = request;
    c.body_sent = c.received = 0;
    c.cut_off = false;
    c.reader.start(plan_.head_requests, plan_.verify);
    lanes_[c.kind].deadlines.push_back({wanted + plan_.timeout, who, c.turn});
    if (c.is == state::idle) {
        c.is = state::busy;
        send_some(who);
    } else if (!open(who)) {
        fail(who, failure::connect);
    }
}

void engine::expire(lane& in) {
    while (!in.deadlines.empty()) {
        const auto [when, who, turn] = in.deadlines.front();
        auto& c = *clients_[who];
        const bool stale = c.turn != turn;
        if (!stale && when > now_) return;
        in.deadlines.pop_front();
        if (stale) continue;
        if (c.is == state::leaving) close_client(who);  // it had its answer, only the end did not come
        else fail(who, failure::timeout);
    }
}

void engine::end_second() {
    second_.p50 = second_latency_.percentile(50);
    second_.p99 = second_latency_.percentile(99);
    second_.max = second_latency_.max();
    second_.ok_p50 = second_ok_latency_.percentile(50);
    second_.ok_p99 = second_ok_latency_.percentile(99);
    tally_.seconds.push_back(second_);
    second_ = {};
    second_latency_.clear();
    second_ok_latency_.clear();
    second_end_ += std::chrono::seconds{1};
}

/// What is left at the end. A tenth of a second of stragglers would look like a slump of its own: it joins the last.
void engine::end_last_second() {
    if (second_.wanted + second_.answered + second_.errors == 0) return;
    const bool short_rest = now_ < second_end_ - std::chrono::milliseconds{800};
    end_second();
    if (!short_rest || tally_.seconds.size() < 2) return;
    const auto rest = tally_.seconds.back();
    tally_.seconds.pop_back();
    auto& last = tally_.seconds.back();
    last.wanted += rest.wanted;
    last.answered += rest.answered;
    last.errors += rest.errors;
    last.ok += rest.ok;
    for (const auto& [status, n] : rest.statuses) last.statuses[status] += n;
    last.p99 = std::max(last.p99, rest.p99);
    last.ok_p99 = std::max(last.ok_p99, rest.ok_p99);
    last.max = std::max(last.max, rest.max);
}

nanoseconds engine::wait_limit() const {
    if (!again_.empty()) return nanoseconds{0};
    auto until = second_end_;
    if (plan_.duration.count() > 0)
        until = std::min(until, std::max(start_ + plan_.duration, now_ + std::chrono::milliseconds{1}));
    for (const auto& each : lanes_) {
        if (!each.deadlines.empty()) until = std::min(until, each.deadlines.front().when);
        if (steady::time_point wanted; !each.idle.empty() && next_wanted(each, wanted)) until = std::min(until, wanted);
    }
    return std::max<nanoseconds>(until - steady::now(), nanoseconds{0});
}

}  // namespace loadgen
