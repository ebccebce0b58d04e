#pragma once
/// Two ends of a real connection over the loopback.
///
///     loopback door{context};
///     auto [client, server] = co_await door.connect();
#include <stdexcept>
#include <utility>

#include "lib/net/listener.hpp"
#include "lib/net/socket.hpp"

namespace weir::testing {

inline std::expected<bound_sockets, std::string> bind_loopback(bind_options how = {}) {
    return bind_listener(*address::parse_ip("127.0.0.1", 0), how);
}

class loopback {
public:
    explicit loopback(stream_context& context)
        : context_{context}, bound_{bind_loopback()}, door_{context, bound_->descriptors[0], {}} {}
    const address& at() const { return bound_->at; }
    listener& door() { return door_; }

    task<std::pair<stream_ptr, stream_ptr>> connect() {
        auto client = co_await weir::connect(context_, bound_->at);
        if (!client) throw std::runtime_error{std::string{client.error().text()}};
        auto server = door_.accept_now();  // the handshake is over: it is in the backlog
        if (!server) throw std::runtime_error{"nobody to accept"};
        co_return std::pair{std::move(*client), std::move(server)};
    }

private:
    stream_context& context_;
    std::expected<bound_sockets, std::string> bound_;
    listener door_;
};

}  // namespace weir::testing
