#include "proxy/pool.hpp"

#include <algorithm>

namespace weir {
namespace {

idle_limit_policy policy_of(const conf::backend& settings) {
    idle_limit_policy policy;
    policy.start = settings.keep_alive.idle;
    return policy;
}

}  // namespace

connection_pool::connection_pool(loop& time, const conf::backend& settings, random_source& chance)
    : time_{time}, settings_{settings}, chance_{chance}, limit_{policy_of(settings)} {}

std::unique_ptr<server_connection> connection_pool::take(bool verify) {
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        connection->stream->stop_watching();
        if (connection->stream->at_end() || (verify && !connection->stream->is_quiet())) continue;
        connection->reused = true;
        return connection;
    }
    return nullptr;
}

void connection_pool::welcome(server_connection& fresh) {
    fresh.retire_at = time_.now() + with_jitter(settings_.keep_alive.age, chance_);
    fresh.requests_left = with_jitter(settings_.keep_alive.requests, chance_);
}

void connection_pool::put(std::unique_ptr<server_connection> used) {
    if (used->requests_left-- <= 1 || time_.now() >= used->retire_at) return;
    if (!used->stream->is_drained()) return;
    if (settings_.keep_alive.connections == 0) return;
    if (settings_.send_proxy != conf::proxy_header::off)
        return;  // it names one client, the next request may be another's
    if (idle_.size() >= settings_.keep_alive.connections) idle_.erase(idle_.begin());
    used->idle_since = time_.now();
    used->stream->watch_idle(*this);
    idle_.push_back(std::move(used));
}

void connection_pool::sweep() {
    const auto too_old = time_.now() - limit_.at(time_.now());
    const auto end = std::find_if(idle_.begin(), idle_.end(), [&](const auto& c) { return c->idle_since > too_old; });
    idle_.erase(idle_.begin(), end);
}

void connection_pool::on_stirred(byte_stream& stream) noexcept {
    const auto found =
        std::find_if(idle_.begin(), idle_.end(), [&](const auto& c) { return c->stream.get() == &stream; });
    if (found == idle_.end()) return;
    if (stream.in().empty()) {
        const auto age = time_.now() - (*found)->idle_since;
        limit_.died_idle(std::chrono::duration_cast<milliseconds>(age), time_.now());
    }
    idle_.erase(found);  // closes it: an end of stream, an error, or bytes that nobody asked for
}

}  // namespace weir
