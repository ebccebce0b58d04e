#pragma once
/// The records of TLS 1.3 after a server's handshake (RFC 8446 5), so that a connection need not keep OpenSSL's SSL for
/// them: that has 14 KiB when idle, this less than 3, and a record costs less.
///
///     auto records = record_layer::after_handshake(ssl, secrets, records_sent);
///     if (records) ssl.reset();                     // null: keep the SSL
///     while (const auto made = records->open(wire, space)) ...
///     records->seal("HTTP/1.1 200 OK\r\n", body, 16384, wire);
///
/// Handshake, secrets and encryption (EVP) are OpenSSL's; here is the framing: numbers, padding, alerts, KeyUpdate. What a
/// client may send after its handshake is data, alerts and KeyUpdate (4.6.3); all else, and any record that is not exactly
/// as it must be, breaks the connection for good: nothing of the record is given out, nothing behind it is read, nothing
/// more is sealed but one alert that tells the peer. More than `max_idle_records` in a row that bring no data, while none
/// goes out either, are an attack. However many KeyUpdates ask for ours, one answers them all, ahead of what is sealed next.
///
/// Memory: nothing while idle but keys and numbers; part of a record, at most 16 KiB, as it comes; and what there was no
/// space for, of one record. Belongs to one thread at a time.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lib/net/kernel_tls.hpp"
#include "lib/tls/openssl.hpp"
#include "lib/tls/records.hpp"
#include "lib/tls/traffic_secrets.hpp"

namespace weir::tls {

class record_layer final : public records {
public:
    static constexpr std::size_t overhead_bytes = 5 + 1 + 16;  // header, type, tag
    static constexpr unsigned max_idle_records = 32;           // as OpenSSL has it for empty ones
    /// A key of AES-GCM is good for 2^24.5 full records (5.5); a new one costs next to nothing.
    static constexpr std::uint64_t records_per_key = std::uint64_t{1} << 23;

    /// Of a handshake that is done, after which `ssl` has neither read nor written anything but `sent` records (tickets).
    /// Null where the SSL must be kept: a client's, TLS 1.2, a cipher suite not known here (CCM), a client that asked for
    /// small records (RFC 6066 4), secrets that have not been heard.
    static std::unique_ptr<record_layer> after_handshake(const SSL* ssl, const traffic_secrets& secrets,
                                                         std::uint64_t sent, std::uint64_t per_key = records_per_key);

    std::size_t open(std::string_view& wire, std::span<char> space) override;
    bool has_more() const noexcept override { return opened_taken_ < opened_.size(); }
    bool seal(std::string_view first, std::string_view second, std::size_t most, std::string& wire) override;
    void seal_end(std::string& wire) override;
    /// An alert; where the kernel seals it is sent.
    void append_own(std::string& wire) override;

    /// From here on neither seal() nor seal_end() may be called. A client that then wants new keys of us breaks the
    /// connection, since the kernel takes none. `descriptor` stays open as long as this is used.
    bool seal_in_kernel(int descriptor) noexcept override;
    /// The kernel has sealed as many records as one key is good for.
    bool is_worn() const noexcept override;

private:
    using cipher_ctx_ptr = openssl_ptr<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
    struct suite {
        const EVP_CIPHER* cipher;
        const EVP_MD* hash;
        kernel_tls::cipher in_kernel;
    };
    /// One way of the connection.
    struct direction {
        traffic_secret secret;
        std::array<unsigned char, 12> iv{};
        std::uint64_t number = 0;  // of the next record
        cipher_ctx_ptr cipher;

        bool set_keys(const suite& with, bool sealing);
        bool next_generation(const suite& with, bool sealing);
        std::array<unsigned char, 12> nonce() const noexcept;
    };

    record_layer() = default;
    static const suite* suite_of(const SSL* ssl);
    bool seal_record(unsigned type, std::string_view first, std::string_view second, std::string& wire);
    bool renew_sealing(std::string& wire);
    std::size_t take_opened(std::span<char> space);
    std::string_view next_record(std::string_view& wire);
    std::size_t record_bytes(std::string_view header);
    bool open_record(std::string_view record, char* into);
    std::size_t take_record(std::string_view record, std::span<char> space);
    void take_alert(std::string_view text);
    void take_handshake(std::string_view text);
    void break_down(unsigned alert, std::string why);

    const suite* suite_ = nullptr;
    direction in_, out_;
    std::string partial_;  // of a record, with its header
    std::string opened_;   // plain, of one record
    std::size_t opened_taken_ = 0;
    std::uint64_t per_key_ = records_per_key;
    int kernel_seals_ = -1;      // what is sent to this descriptor
    unsigned idle_records_ = 0;  // without data either way, in a row
    bool sealed_last_ = false;   // an end, an alert, or the cipher failed
    bool owes_update_ = false;
    std::uint8_t alert_ = 0;                  // to be sent; 0 would be close_notify, which is none
    std::uint8_t message_bytes_ = 0;          // of message_
    std::array<unsigned char, 5> message_{};  // a KeyUpdate, which may come in parts
};

}  // namespace weir::tls
