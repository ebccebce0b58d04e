#include "lib/net/resolver.hpp"

#include <netdb.h>

#include <algorithm>
#include <memory>

namespace weir {
namespace {

constexpr std::size_t most_addresses = 16;
using found = std::expected<std::vector<address>, std::string>;

found look_up(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    const int status = getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (status != 0) return std::unexpected{std::string{gai_strerror(status)}};
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner{list, freeaddrinfo};
    std::vector<address> addresses;
    for (const auto* entry = list; entry && addresses.size() < most_addresses; entry = entry->ai_next) {
        const auto one = address::from(entry->ai_addr, entry->ai_addrlen);
        if (!one) continue;
        const auto with_port = one->with_port(port);
        if (std::find(addresses.begin(), addresses.end(), with_port) == addresses.end()) addresses.push_back(with_port);
    }
    if (addresses.empty()) return std::unexpected{std::string{"the name has no usable address"}};
    return addresses;
}

}  // namespace

task<found> resolve(loop& time, offload_pool& dns, std::string host, std::uint16_t port) {
    if (auto literal = address::parse_ip(host, port)) {
        std::vector<address> one{*literal};
        co_return one;
    }
    auto work = [host = std::move(host), port] { return look_up(host, port); };
    auto answer = co_await dns.run(time, std::move(work));
    if (!answer) co_return std::unexpected{std::string{"too many lookups are waiting"}};
    co_return std::move(*answer);
}

}  // namespace weir
