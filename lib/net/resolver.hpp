#pragma once
/// Names to addresses: getaddrinfo on a pool of its own threads, so that slow lookups hold back nobody else.
///
///     offload_pool dns{"dns", 2, 256};
///     auto found = co_await resolve(time, dns, "orders.internal", 9000);      // std::expected<std::vector<address>, std::string>
///
/// The system's resolver, with its hosts file, search list and order (RFC 6724); at most 16 addresses, no duplicates. A name
/// that is an address needs no lookup. Cancelling forgets the answer. The time to live is not to be had from getaddrinfo.
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "lib/async/offload.hpp"
#include "lib/async/task.hpp"
#include "lib/net/address.hpp"

namespace weir {

task<std::expected<std::vector<address>, std::string>> resolve(loop& time, offload_pool& dns, std::string host,
                                                               std::uint16_t port);

}  // namespace weir
