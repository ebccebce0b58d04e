#pragma once
/// One TLS connection as a stream layer: the handshake, and from then on its records.
///
///     session tls{context->new_session(hello)};
///     tls.keep(bytes_from_the_wire);
///     std::string answer;
///     switch (tls.shake_hands(answer)) { ... }     // what is in `answer` goes to the peer, whatever the result
///     stream.add_layer(std::move(owner_of_tls));   // once it is done
///
/// An SSL belongs to one thread at a time: handshake steps may run on another thread as long as nobody else touches the
/// session meanwhile (handshake.hpp sees to that).
///
/// Records: small ones first, since a client can use a record only when all of it has come, and 16 KiB may take two round
/// trips on a new or rested connection; after `small_phase_bytes` in one go, full ones, which cost less (Grigorik, "High
/// Performance Browser Networking", 2013, chapter 4).
///
/// Memory: idle, a session holds no buffer (SSL_MODE_RELEASE_BUFFERS). A server's session of
/// TLS 1.3 lets go of its SSL, too, when the handshake is done, all but the records (record_layer.hpp): of 14 KiB that
/// leaves 3. What there is to tell of the handshake is in facts(). TLS 1.2 and sessions of clients keep their SSL.
#include <memory>

#include "lib/async/loop.hpp"
#include "lib/net/stream_layer.hpp"
#include "lib/tls/session_facts.hpp"
#include "lib/tls/ssl_records.hpp"
#include "lib/tls/traffic_secrets.hpp"

namespace weir::tls {

struct session_options {
    session_options() = default;
    bool tells_peer = false;      // facts() shall describe the peer's certificate
    bool may_use_kernel = false;  // seal_in_kernel(), where the kernel can
};

class session final : public stream_layer {
public:
    static constexpr std::size_t small_record_bytes = 4 * 1024;
    static constexpr std::size_t small_phase_bytes = 64 * 1024;
    static constexpr auto rest = 1s;  // then small ones again

    session(ssl_ptr ssl, const loop& time, session_options how = {});
    ~session() override;

    /// Null once it is no longer needed, which may be as soon as the handshake is done.
    SSL* ssl() const noexcept { return openssl_ ? openssl_->ssl() : nullptr; }

    using step = ssl_records::step;
    /// As far as the bytes at hand allow. Writes to `wire`, which is empty; an alert too when it fails.
    step shake_hands(std::string& wire);
    /// Once it is done.
    const session_facts& facts() const noexcept { return facts_; }
    /// Whoever drove it knows how long it took.
    void set_time_taken(nanoseconds took) noexcept { facts_.took = took; }
    /// Why it failed, or why the stream is broken; empty: it is not.
    const std::string& problem() const noexcept { return records_->problem(); }

    std::size_t open(std::string_view& wire, std::span<char> space) noexcept override;
    void keep(std::string_view wire) override { kept_.append(wire); }
    bool has_more() const noexcept override;
    state incoming() const noexcept override { return records_->incoming(); }
    bool seal(std::string_view first, std::string_view second, std::string& wire) override;
    void seal_end(std::string& wire) override;
    void append_own(std::string& wire) override;
    bool seal_in_kernel(int descriptor) noexcept override;
    bool is_worn() const noexcept override { return records_->is_worn(); }

private:
    void finish(std::string_view sent);
    std::string_view kept() const noexcept;
    void leave(std::string_view rest) noexcept;
    std::size_t next_record_size(std::size_t bytes) noexcept;

    std::unique_ptr<records> records_;
    ssl_records* openssl_ = nullptr;            // the same, until it gives way to a record_layer
    std::unique_ptr<traffic_secrets> secrets_;  // until the handshake is done
    const loop& time_;
    std::string kept_;            // from the wire, not yet used
    std::size_t kept_taken_ = 0;  // of it
    std::string own_;             // of the handshake, to go out with what is sealed first
    session_facts facts_;
    time_point last_sent_{};
    std::size_t sent_in_one_go_ = 0;
    session_options how_;
    bool handshaking_ = true;
};

/// The session of a stream that has one.
inline const session* session_of(const stream_layer* layer) noexcept { return static_cast<const session*>(layer); }

}  // namespace weir::tls
