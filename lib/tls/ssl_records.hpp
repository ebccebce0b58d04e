#pragma once
/// OpenSSL's SSL on memory instead of a socket: the handshake, and the records of whoever keeps it afterwards.
///
///     ssl_records openssl{std::move(ssl)};
///     std::string answer;
///     switch (openssl.shake_hands(wire, answer)) { ... }       // what is in `answer` goes to the peer, whatever the result
///     openssl.seal(head, body, 16384, answer);                 // once it is done
///
/// Idle it holds no buffer of ours, and none of OpenSSL's (SSL_MODE_RELEASE_BUFFERS, set by the contexts). May go from thread
/// to thread, but belongs to one at a time.
#include "lib/tls/openssl.hpp"
#include "lib/tls/records.hpp"

namespace weir::tls {

class ssl_records final : public records {
public:
    explicit ssl_records(ssl_ptr ssl);

    SSL* ssl() const noexcept { return ssl_.get(); }

    enum class step : std::uint8_t { done, wants_bytes, failed };
    /// As far as the bytes of `heard` allow, which it takes off. Appends to `answer`; an alert too when it fails.
    step shake_hands(std::string_view& heard, std::string& answer);

    std::size_t open(std::string_view& wire, std::span<char> space) override;
    bool has_more() const noexcept override { return SSL_pending(ssl_.get()) > 0; }
    bool seal(std::string_view first, std::string_view second, std::size_t most, std::string& wire) override;
    void seal_end(std::string& wire) override;
    void append_own(std::string& wire) override;

private:
    friend struct memory_bio;
    void set_record_size(std::size_t most) noexcept;
    bool write(std::string_view bytes);

    ssl_ptr ssl_;
    std::string_view* wire_in_ = nullptr;        // within a call: where OpenSSL reads
    std::string* wire_out_ = nullptr;            // and where it writes; null: into own_
    std::string own_;                            // written while nothing was sealed
    std::size_t record_size_ = max_plain_bytes;  // as ssl_ was told
};

}  // namespace weir::tls
