#include "lib/tls/session.hpp"

#include <optional>
#include <utility>

#include "lib/tls/record_layer.hpp"

namespace weir::tls {
namespace {

/// None if it is anything else than whole records that are sealed.
std::optional<std::uint64_t> count_sealed_records(std::string_view wire) noexcept {
    constexpr std::size_t header_bytes = 5;
    std::uint64_t count = 0;
    for (; !wire.empty(); ++count) {
        if (wire.size() < header_bytes || wire[0] != SSL3_RT_APPLICATION_DATA) return std::nullopt;
        const auto size = static_cast<std::size_t>(static_cast<unsigned char>(wire[3])) << 8 |
                          static_cast<std::size_t>(static_cast<unsigned char>(wire[4]));
        if (wire.size() < header_bytes + size) return std::nullopt;
        wire.remove_prefix(header_bytes + size);
    }
    return count;
}

}  // namespace

session::session(ssl_ptr ssl, const loop& time, session_options how) : time_{time}, how_{how} {
    auto openssl = std::make_unique<ssl_records>(std::move(ssl));
    openssl_ = openssl.get();
    records_ = std::move(openssl);
    if (!SSL_is_server(openssl_->ssl())) return;
    secrets_ = std::make_unique<traffic_secrets>();
    if (!secrets_->listen_to(openssl_->ssl())) secrets_.reset();
}

session::~session() = default;

session::step session::shake_hands(std::string& wire) {
    auto heard = kept();
    const auto result = openssl_->shake_hands(heard, wire);
    leave(heard);
    if (result != step::done) return result;
    handshaking_ = false;
    finish(wire);
    if (!kept_.empty()) own_ = std::exchange(wire, {});  // tickets, and a request is here already: with its answer
    return step::done;
}

/// `sent`: in the last step of the handshake. By a server of TLS 1.3 that is what follows its Finished, tickets: the
/// client's Finished, with which the step begins, cannot be made before the server's is known.
void session::finish(std::string_view sent) {
    SSL* ssl = openssl_->ssl();
    facts_ = gather_facts(ssl, how_.tells_peer);
    if (!secrets_) return;
    traffic_secrets::forget(ssl);
    const auto count = count_sealed_records(sent);
    auto ours = count && SSL_has_pending(ssl) == 0 ? record_layer::after_handshake(ssl, *secrets_, *count) : nullptr;
    secrets_.reset();
    if (!ours) return;
    openssl_ = nullptr;
    records_ = std::move(ours);  // there goes the SSL, and its context
}

std::string_view session::kept() const noexcept { return std::string_view{kept_}.substr(kept_taken_); }

/// All but `rest` of kept() has been used.
void session::leave(std::string_view rest) noexcept {
    kept_taken_ = kept_.size() - rest.size();
    if (!rest.empty()) return;
    release(kept_);
    kept_taken_ = 0;
}

bool session::has_more() const noexcept {
    return incoming() == state::open && (!kept_.empty() || records_->has_more());
}

std::size_t session::open(std::string_view& wire, std::span<char> space) noexcept {
    std::size_t made = 0;
    if (incoming() == state::open && !kept_.empty()) {
        auto first = kept();
        made = records_->open(first, space);
        leave(first);
    }
    if (made == 0 && incoming() == state::open) made = records_->open(wire, space);
    if (incoming() != state::open) {  // nothing more is of interest
        wire = {};
        leave({});
    }
    return made;
}

/// Of which size the records for the next `bytes` are.
std::size_t session::next_record_size(std::size_t bytes) noexcept {
    if (time_.now() - last_sent_ > rest) sent_in_one_go_ = 0;
    last_sent_ = time_.now();
    const bool small = sent_in_one_go_ < small_phase_bytes;
    sent_in_one_go_ += bytes;
    return small ? small_record_bytes : records::max_plain_bytes;
}

bool session::seal(std::string_view first, std::string_view second, std::string& wire) {
    append_own(wire);
    return records_->seal(first, second, next_record_size(first.size() + second.size()), wire);
}

void session::seal_end(std::string& wire) {
    if (handshaking_) return;
    append_own(wire);
    records_->seal_end(wire);
}

void session::append_own(std::string& wire) {
    wire.append(own_);
    release(own_);
    records_->append_own(wire);
}

bool session::seal_in_kernel(int descriptor) noexcept {
    if (!how_.may_use_kernel || !own_.empty()) return false;
    how_.may_use_kernel = kernel_tls::is_there();
    return how_.may_use_kernel && records_->seal_in_kernel(descriptor);
}

}  // namespace weir::tls
