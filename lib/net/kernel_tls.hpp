#pragma once
/// TLS records made by the kernel (kTLS; Documentation/networking/tls.rst of Linux): a socket that was given the keys takes
/// plain bytes and sends sealed ones, so that bulk can be spliced into it and never passes through the process.
///
///     if (kernel_tls::is_there() && kernel_tls::seal(descriptor, keys)) ...   // send(2) and splice(2) seal from here on
///     connections.spawn(kernel_tls::part(time, descriptor));                  // in place of shutdown(2)
///
/// Sending only, TLS 1.3 only, and for good: a socket does not give the keys back. Before Linux 6.14 it takes no new ones
/// either, so whoever has it seal must do without a KeyUpdate.
///
/// The trap: send(2) and splice(2) count a record as taken that did not fit into the socket, and close(2) and shutdown(2)
/// lose it (seen with Linux 6.1: 16 KiB of every full socket). part() is the way around.
#include <array>
#include <cstdint>
#include <span>

#include "lib/async/loop.hpp"
#include "lib/async/task.hpp"

namespace weir::kernel_tls {

enum class cipher : std::uint8_t { aes_128_gcm, aes_256_gcm, chacha20_poly1305 };

struct keys {
    cipher with;
    std::span<const unsigned char> key;
    std::array<unsigned char, 12> iv;
    std::uint64_t number;  // of the next record
};

/// Whether this kernel has it; asked once, which loads the module where we may.
bool is_there() noexcept;

/// Of a connected TCP socket that holds nothing unsent of ours. False: not with this cipher, or not this socket; it goes
/// on as before.
bool seal(int descriptor, const keys& with) noexcept;
/// Of the next record of a socket that seals with this cipher.
std::uint64_t next_number(int descriptor, cipher sealing) noexcept;
/// A fatal one. Whether it arrives is all one.
void send_alert(int descriptor, unsigned char number) noexcept;

/// Ends the sending half as soon as the peer has all that was sent: close_notify, then FIN. Has a descriptor of its own, so the
/// one given may be closed meanwhile. A peer that takes nothing for `part_patience` is reset instead.
task<void> part(loop& time, int descriptor);
inline constexpr auto part_patience = 10s;

}  // namespace weir::kernel_tls
