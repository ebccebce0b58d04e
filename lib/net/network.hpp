#pragma once
/// A set of networks, to ask whether a peer belongs to it (`trusted 10.0.0.0/8,::1,unix`).
///
///     network_set trusted;
///     trusted.add(net.bytes, net.prefix);          // as the configuration holds it: 16 bytes, prefix in bits of those
///     trusted.add_unix();
///     if (trusted.contains(peer)) ...
///
/// An IPv4 network is ::ffff:a.b.c.d with a prefix of 96 or more, the same form that address has, so one comparison
/// serves both families, and ::/0 contains IPv4 too. Lists are short: a scan. Read-only after it is built; then safe
/// from any thread.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/net/address.hpp"

namespace weir {

class network_set {
public:
    /// `prefix` is 0 to 128; bits of `bytes` beyond it are ignored.
    void add(const std::uint8_t (&bytes)[16], int prefix) {
        network added{{}, {}};
        for (int i = 0; i < 16; ++i) {
            const int bits = std::clamp(prefix - 8 * i, 0, 8);
            added.mask[i] = static_cast<std::uint8_t>(0xff00 >> bits);
            added.base[i] = bytes[i] & added.mask[i];
        }
        networks_.push_back(added);
    }
    /// Everybody who connects by a Unix socket.
    void add_unix() noexcept { with_unix_ = true; }

    bool contains(const address& who) const noexcept {
        if (who.is_unix()) return with_unix_;
        if (!who.is_inet()) return false;
        return std::any_of(networks_.begin(), networks_.end(), [&](const network& n) {
            for (int i = 0; i < 16; ++i)
                if ((who.ip()[i] & n.mask[i]) != n.base[i]) return false;
            return true;
        });
    }
    bool empty() const noexcept { return networks_.empty() && !with_unix_; }

private:
    struct network {
        address::ip_bytes base;
        address::ip_bytes mask;
    };
    std::vector<network> networks_;
    bool with_unix_ = false;
};

}  // namespace weir
