#include "proxy/standing.hpp"

#include <bit>
#include <cstring>

#include "lib/resilience/stable_hash.hpp"
#include "proxy/request.hpp"

namespace weir {

std::uint64_t key_of(const address& who) noexcept {
    if (!who.is_inet()) return 0;
    const auto number = [&](std::size_t at) {  // the same on every machine, as stable_hash is
        std::uint64_t value = 0;
        std::memcpy(&value, who.ip().data() + at, sizeof value);
        return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
    };
    return mix_bits(who.kind() == address::family::ipv4 ? number(8) : number(0));
}

std::uint64_t key_of(const conf::client_key& what, const request& r) {
    if (!what.header.empty())
        if (const auto value = r.head.fields().find(what.header)) return stable_hash(*value);
    return key_of(r.client.peer());
}

priority_class class_of(const conf::route& route, const request& r) {
    switch (route.cls) {
    case conf::priority::critical: return priority_class::critical;
    case conf::priority::normal: return priority_class::normal;
    case conf::priority::sheddable: return priority_class::sheddable;
    case conf::priority::header: break;
    }
    const auto value = r.trusted ? r.head.fields().find("priority") : std::nullopt;
    const auto at = value ? value->find("u=") : std::string_view::npos;
    if (at == std::string_view::npos || at + 2 >= value->size()) return priority_class::normal;
    const char urgency = (*value)[at + 2];
    if (urgency >= '0' && urgency <= '2') return priority_class::critical;
    return urgency >= '4' && urgency <= '7' ? priority_class::sheddable : priority_class::normal;
}

}  // namespace weir
