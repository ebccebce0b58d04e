#pragma once
/// What the files behind a configuration's TLS settings hold: a context for each listener and backend that has any.
///
///     tls_contexts made = load_tls(config, keys, now, problems);      // problems: every error and warning, with its place in the file
///     if (problems.has_errors()) ...
///     slot.replace(std::move(made.listeners[0]));                     // connections of before keep what they have
///
/// Files are read with blocking calls: before the workers start, and later on a thread of the disk pool. A file that has
/// changed for the worse changes nothing: the old contexts stay until what is there is good as a whole.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "conf/diagnostic.hpp"
#include "lib/tls/client_context.hpp"
#include "lib/tls/server_context.hpp"
#include "lib/tls/ticket_keys.hpp"

namespace weir {

/// By index, as in the configuration; null: plain. Keys are kept over a reload, so that clients can resume after it.
using ticket_key_list = std::vector<std::shared_ptr<tls::ticket_keys>>;
ticket_key_list make_ticket_keys(const conf::config& config, tls::wall_time now);

struct tls_contexts {
    ticket_key_list keys;
    std::vector<std::shared_ptr<const tls::server_context>> listeners;
    std::vector<std::shared_ptr<const tls::client_context>> backends;
};
/// Null where there was an error.
tls_contexts load_tls(const conf::config& config, ticket_key_list keys, tls::wall_time now,
                      conf::diagnostics& problems);

/// Every file that load_tls reads.
std::vector<std::string> files_of_tls(const conf::config& config);

/// A context that is read by all workers and replaced by the process.
template <class Context>
class context_slot {
public:
    std::shared_ptr<const Context> get() const noexcept { return now_.load(std::memory_order_acquire); }
    void replace(std::shared_ptr<const Context> by) noexcept { now_.store(std::move(by), std::memory_order_release); }

private:
    std::atomic<std::shared_ptr<const Context>> now_;
};

}  // namespace weir
