#pragma once
/// Request methods: the ones every llhttp from 8.1 on knows. Case-sensitive (RFC 9110 section 9.1).
///
///     method_of("PUT")            // method::put
///     is_idempotent(method::put)  // true: may be tried again
#include <cstdint>
#include <string_view>

namespace weir::http {

enum class method : std::uint8_t {
    unknown,
    get,
    head,
    post,
    put,
    delete_,
    connect,
    options,
    trace,
    patch,
    // WebDAV and its family
    copy,
    lock,
    mkcol,
    move,
    propfind,
    proppatch,
    search,
    unlock,
    bind,
    rebind,
    unbind,
    acl,
    report,
    mkactivity,
    checkout,
    merge,
    mkcalendar,
    link,
    unlink,
    // UPnP and caches
    m_search,
    notify,
    subscribe,
    unsubscribe,
    purge,
};

/// method::unknown for every other name, which llhttp would refuse.
method method_of(std::string_view name) noexcept;

/// Safe and idempotent as the IANA "HTTP Method Registry" has it; what is not registered is neither.
bool is_safe(method m) noexcept;
bool is_idempotent(method m) noexcept;

}  // namespace weir::http
