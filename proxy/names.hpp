#pragma once
/// Server membership: names from the configuration, looked up at the start and again and again.
///
///     names dns{time, shared, log};
///     co_await dns.look_up_all();                 // before the workers start
///     background.spawn(dns.keep_fresh(stopping));
///
/// Runs on the main thread's loop; lookups on a pool of their own. A lookup that fails keeps the last good answer and says
/// so. Connections to addresses that a name no longer has end by themselves: their age is bounded (keep_alive age=).
#include "lib/async/event.hpp"
#include "lib/async/task.hpp"
#include "lib/telemetry/error_log.hpp"
#include "proxy/context.hpp"

namespace weir {

class names {
public:
    names(loop& time, shared_state& shared, error_log& log) : time_{time}, shared_{shared}, log_{log} {}

    /// Every name once, at most eight at a time.
    task<void> look_up_all();
    /// Each backend's names, every `resolve every=`, until `stop`.
    task<void> keep_fresh(event& stop);

private:
    struct finding;
    task<finding> look_up(server& who);
    task<void> look_up_these(std::vector<server*> whom);
    task<void> keep_backend_fresh(backend& of, event& stop);
    void log(log_level level, std::string_view message) { log_.write(level, message, time_.wall_us()); }

    loop& time_;
    shared_state& shared_;
    error_log& log_;
};

}  // namespace weir
