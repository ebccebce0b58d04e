#pragma once
/// Who is asking, as queue, shedding, rate limits and balancing need to know it.
///
///     const auto key = key_of(settings.fair_key, r);          // whose turn it is
///     const auto cls = class_of(*r.route, r);                 // critical, normal or sheddable
///
/// Keys are 64-bit hashes of an address (IPv4 whole, IPv6 its /64, which is one customer) or of a header's value; all who come by
/// a Unix socket are one. The values of headers can be chosen by clients: only for those that something in front of weir sets.
#include <cstdint>

#include "conf/config.hpp"
#include "lib/net/address.hpp"
#include "lib/resilience/admission_queue.hpp"

namespace weir {

struct request;

std::uint64_t key_of(const address& who) noexcept;
/// A request without the header counts by its address.
std::uint64_t key_of(const conf::client_key& what, const request& r);

/// With `priority header`, a trusted peer's `Priority: u=N` (RFC 9218) decides: urgencies 0 to 2 are critical, 3 is normal, which
/// is the default, and 4 to 7 are sheddable.
priority_class class_of(const conf::route& route, const request& r);

}  // namespace weir
