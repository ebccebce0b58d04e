#pragma once
/// Active health checks: every server is tried again and again, and its backend is told whether it passed.
///
///     health checks{time, shared, log, random_seed()};
///     background.spawn(checks.run(stopping));
///
/// `tcp`: a connection can be made. `http`: on a connection of its own the server answers one request with a status in
/// range; the body is ignored. All of it within the check's timeout. A name that is not resolved has failed. Where the
/// backend wants a PROXY header, the check sends one that speaks for nobody (UNKNOWN, LOCAL).
///
/// Each server has its own rhythm, `every` ± 10 % from start to start, and the first checks are spread over one interval:
/// neither the servers of one weir nor several weirs in front of one server come to check in step. At most 16 checks of
/// a backend are under way at once, and never two of one server. A server that goes up or down is logged, with the cause.
/// Runs on one loop, a uv_loop unless `connect` is replaced; what it is given must outlive it.
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "lib/async/event.hpp"
#include "lib/async/task.hpp"
#include "lib/net/socket.hpp"
#include "lib/resilience/random.hpp"
#include "lib/telemetry/error_log.hpp"
#include "proxy/context.hpp"

namespace weir {

class health {
public:
    health(loop& time, shared_state& shared, error_log& log, std::uint64_t seed)
        : time_{time}, shared_{shared}, log_{log}, streams_{time}, chance_{seed} {
        if (shared.handshakes) handshakes_ = std::make_unique<tls::handshake_desk>(*shared.handshakes);
    }

    /// Checks every server of every backend that wants it, until `stop`; then what is under way ends first.
    task<void> run(event& stop);

    /// How connections to servers are made; tests have their own transport.
    std::function<task<io_result<connected>>(stream_context&, std::vector<address>)> connect = connect_any;

private:
    struct checked_server;
    class due_checks;
    using verdict = std::expected<void, std::string>;  // or why it has failed

    task<void> check_backend(backend& of, event& stop);
    task<void> check(backend& of, checked_server& who);
    task<verdict> examine(const conf::backend& settings, const server& who);
    std::shared_ptr<const tls::client_context> tls_of(const conf::backend& settings) const;

    loop& time_;
    shared_state& shared_;
    error_log& log_;
    stream_context streams_;
    random_source chance_;
    std::unique_ptr<tls::handshake_desk> handshakes_;  // null: nobody speaks TLS
};

}  // namespace weir
