#include "lib/net/kernel_tls.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace weir::kernel_tls {
namespace {

constexpr std::string_view protocol = "tls";

int attach(int descriptor) noexcept {
    return setsockopt(descriptor, IPPROTO_TCP, TCP_ULP, protocol.data(), protocol.size()) == 0 ? 0 : errno;
}

/// Calls `f` with what setsockopt() takes for the cipher: a struct each, with the same members of other sizes.
template <class F>
auto with_info_of(cipher which, F f) {
    switch (which) {
    case cipher::aes_128_gcm: return f(tls12_crypto_info_aes_gcm_128{}, TLS_CIPHER_AES_GCM_128);
    case cipher::aes_256_gcm: return f(tls12_crypto_info_aes_gcm_256{}, TLS_CIPHER_AES_GCM_256);
    case cipher::chacha20_poly1305: break;
    }
    return f(tls12_crypto_info_chacha20_poly1305{}, TLS_CIPHER_CHACHA20_POLY1305);
}

template <class Info>
bool fill_in(Info& info, const keys& with) noexcept {
    if (with.key.size() != sizeof info.key) return false;
    std::memcpy(info.key, with.key.data(), sizeof info.key);
    constexpr std::size_t of_salt = sizeof with.iv - sizeof info.iv;  // the front of the nonce
    if constexpr (of_salt > 0) std::memcpy(info.salt, with.iv.data(), of_salt);
    std::memcpy(info.iv, with.iv.data() + of_salt, sizeof info.iv);
    const auto number = __builtin_bswap64(with.number);
    std::memcpy(info.rec_seq, &number, sizeof info.rec_seq);
    return true;
}

void send_alert(int descriptor, unsigned char level, unsigned char number) noexcept {
    unsigned char text[] = {level, number};
    iovec piece{text, sizeof text};
    alignas(cmsghdr) char control[CMSG_SPACE(1)]{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    auto* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_TLS;
    head->cmsg_type = TLS_SET_RECORD_TYPE;
    head->cmsg_len = CMSG_LEN(1);
    *CMSG_DATA(head) = 21;  // alert
    sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// Bytes that the peer has not acknowledged; while there are none, no record waits either. 0 too once the connection is gone.
int count_unsent(int descriptor) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    int unsent = 0;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_state == TCP_CLOSE) return 0;
    return ioctl(descriptor, SIOCOUTQ, &unsent) == 0 ? unsent : 0;
}

class owned_descriptor {
public:
    explicit owned_descriptor(int number) noexcept : number_{number} {}
    owned_descriptor(const owned_descriptor&) = delete;
    owned_descriptor& operator=(const owned_descriptor&) = delete;
    ~owned_descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const noexcept { return number_; }

private:
    int number_;
};

}  // namespace

bool is_there() noexcept {
    static const bool there = [] {
        const owned_descriptor probe{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        return attach(probe.get()) == ENOTCONN;  // known, but for connections only
    }();
    return there;
}

bool seal(int descriptor, const keys& with) noexcept {
    if (const int error = attach(descriptor); error != 0 && error != EEXIST) return false;
    return with_info_of(with.with, [&](auto info, unsigned short type) {
        info.info.version = TLS_1_3_VERSION;
        info.info.cipher_type = type;
        const bool done = fill_in(info, with) && setsockopt(descriptor, SOL_TLS, TLS_TX, &info, sizeof info) == 0;
        explicit_bzero(&info, sizeof info);
        return done;
    });
}

std::uint64_t next_number(int descriptor, cipher sealing) noexcept {
    return with_info_of(sealing, [&](auto info, unsigned short) {
        socklen_t size = sizeof info;
        std::uint64_t number = 0;
        if (getsockopt(descriptor, SOL_TLS, TLS_TX, &info, &size) == 0)
            std::memcpy(&number, info.rec_seq, sizeof number);
        explicit_bzero(&info, sizeof info);
        return __builtin_bswap64(number);
    });
}

void send_alert(int descriptor, unsigned char number) noexcept {
    constexpr unsigned char fatal = 2;
    send_alert(descriptor, fatal, number);
}

task<void> part(loop& time, int descriptor) {
    const owned_descriptor mine{::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)};
    if (mine.get() < 0) {
        ::shutdown(descriptor, SHUT_WR);  // without a close_notify: the peer knows that something may be missing
        co_return;
    }
    constexpr nanoseconds shortest = 1ms, longest = 64ms;
    auto pause = shortest;
    auto until = time.now() + part_patience;
    for (int unsent = count_unsent(mine.get()); unsent > 0;) {
        co_await time.sleep(pause);
        pause = std::min(2 * pause, longest);
        const int left = count_unsent(mine.get());
        if (left != unsent) until = time.now() + part_patience;
        unsent = left;
        if (unsent > 0 && time.now() >= until) {
            const linger at_once{1, 0};
            setsockopt(mine.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            co_return;
        }
    }
    constexpr unsigned char warning = 1, close_notify = 0;
    send_alert(mine.get(), warning, close_notify);
    ::shutdown(mine.get(), SHUT_WR);
}

}  // namespace weir::kernel_tls
