#include "proxy/accept.hpp"

#include "proxy/standing.hpp"

namespace weir {
namespace {

constexpr auto pause = 50ms;  // between two looks whether we accept again

bool in_time(listener_state& at, std::uint64_t key, time_point now) {
    if (!at.rate) return true;
    const std::lock_guard lock{at.mutex};
    return !at.rate->take(key, now);
}

void turn_away(worker_context& w, listener_view& view, admitted& client, reason why, std::string_view what) {
    client.stream->reset_on_close();
    w.numbers.refused_total[static_cast<std::size_t>(why)].add();
    view.shared.clients_refused_total.fetch_add(1, std::memory_order_relaxed);
    if (!w.errors.wants(log_level::info)) return;
    std::string line{word(why)};  // without the port: the same client is the same line
    line.append(": ").append(what).append(" [client ");
    w.log(log_level::info, line.append(client.stream->peer_ip_text()).append("]"));
}

}  // namespace

client_place client_place::enter(listener_state& at, std::uint64_t key) {
    client_place made;
    const std::lock_guard lock{at.mutex};
    if (!at.clients.enter(key)) return made;
    made.at_ = &at;
    made.key_ = key;
    return made;
}

client_place::~client_place() {
    if (!at_) return;
    const std::lock_guard lock{at_->mutex};
    at_->clients.leave(key_);
}

bool enter_as_client(worker_context& w, listener_view& view, admitted& client) {
    const auto most = view.settings.max_connections_per_client;
    const auto& rate = view.settings.connection_rate;
    if (most == 0 && rate.requests == 0) return true;
    const auto key = key_of(client.stream->peer());
    if (!in_time(view.shared, key, w.time.now())) {
        turn_away(w, view, client, reason::rate_limited, "too many new connections of one client in so short a time");
        return false;
    }
    if (most == 0) return true;
    client.share = client_place::enter(view.shared, key);
    if (!client.share) turn_away(w, view, client, reason::client_connections, "too many connections of one client");
    return static_cast<bool>(client.share);
}

task<std::optional<admitted>> client_stream::next() {
    while (true) {
        const bool somebody = co_await door_.pending();
        if (!somebody) co_return std::nullopt;
        while (w_.ladder.pause_accept() && !w_.closing) co_await w_.time.sleep(pause);
        // The listener's place first: a full listener must not hold a place of the process that another one could use.
        auto here = view_.shared.gate.try_enter();
        if (!here) here = co_await view_.shared.gate.enter(w_.time);
        auto overall = w_.shared.connections.try_enter();
        if (!overall) overall = co_await w_.shared.connections.enter(w_.time);
        auto stream = door_.accept_now();
        if (!stream) continue;
        view_.shared.connections_total.fetch_add(1, std::memory_order_relaxed);
        admitted client{std::move(stream), std::move(overall), std::move(here), w_.numbers};
        if (view_.settings.accept_proxy || enter_as_client(w_, view_, client)) co_return std::move(client);
    }
}

}  // namespace weir
