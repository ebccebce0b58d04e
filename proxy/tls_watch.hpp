#pragma once
/// Keeps the TLS contexts in step with their files, and the keys of session tickets young.
///
///     tls_watch files{time, shared, std::move(keys), log};
///     background.spawn(files.run(stopping));
///     files.reload();                                  // on HUP: whether they look changed or not
///
/// Looks at the files' times and sizes every ten seconds, and reads them all again when one has changed, and once a day, so that
/// a certificate near its end is told of in time. What is read is checked as a whole before it takes the place of the old;
/// if anything is wrong, that is logged and everything stays. New handshakes get the new certificates, established
/// connections are left alone. Blocking calls are made on the disk pool. Belongs to the process's loop.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/async/event.hpp"
#include "proxy/context.hpp"

namespace weir {

class tls_watch {
public:
    tls_watch(loop& time, shared_state& shared, ticket_key_list keys, error_log& log);

    task<void> run(event& stop);
    void reload() noexcept {
        forced_ = true;
        wake_.set();
    }
    /// There is something to watch.
    bool has_files() const noexcept { return !files_.empty(); }

    static constexpr auto look_every = 10s;
    static constexpr auto read_every = 24h;

private:
    using stamps = std::vector<std::string>;
    task<void> look();
    task<void> read_all();

    loop& time_;
    shared_state& shared_;
    ticket_key_list keys_;
    error_log& log_;
    std::vector<std::string> files_;
    stamps seen_;
    time_point read_at_;
    event wake_;
    bool forced_ = false;
};

}  // namespace weir
