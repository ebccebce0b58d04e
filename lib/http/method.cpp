#include "lib/http/method.hpp"

namespace weir::http {

method method_of(std::string_view n) noexcept {
    using enum method;
    switch (n.size()) {
    case 3: return n == "GET" ? get : n == "PUT" ? put : n == "ACL" ? acl : unknown;
    case 4:
        return n == "POST"   ? post
               : n == "HEAD" ? head
               : n == "COPY" ? copy
               : n == "LOCK" ? lock
               : n == "MOVE" ? move
               : n == "BIND" ? bind
               : n == "LINK" ? link
                             : unknown;
    case 5:
        return n == "PATCH"   ? patch
               : n == "TRACE" ? trace
               : n == "MKCOL" ? mkcol
               : n == "MERGE" ? merge
               : n == "PURGE" ? purge
                              : unknown;
    case 6:
        return n == "DELETE"   ? delete_
               : n == "SEARCH" ? search
               : n == "UNLOCK" ? unlock
               : n == "REBIND" ? rebind
               : n == "UNBIND" ? unbind
               : n == "REPORT" ? report
               : n == "UNLINK" ? unlink
               : n == "NOTIFY" ? notify
                               : unknown;
    case 7: return n == "OPTIONS" ? options : n == "CONNECT" ? connect : unknown;
    case 8: return n == "PROPFIND" ? propfind : n == "CHECKOUT" ? checkout : n == "M-SEARCH" ? m_search : unknown;
    case 9: return n == "PROPPATCH" ? proppatch : n == "SUBSCRIBE" ? subscribe : unknown;
    case 10: return n == "MKACTIVITY" ? mkactivity : n == "MKCALENDAR" ? mkcalendar : unknown;
    case 11: return n == "UNSUBSCRIBE" ? unsubscribe : unknown;
    default: return unknown;
    }
}

bool is_safe(method m) noexcept {
    switch (m) {
    case method::get:
    case method::head:
    case method::options:
    case method::trace:
    case method::propfind:
    case method::report:
    case method::search: return true;
    default: return false;
    }
}

bool is_idempotent(method m) noexcept {
    if (is_safe(m)) return true;
    switch (m) {
    case method::put:
    case method::delete_:
    case method::acl:
    case method::bind:
    case method::checkout:
    case method::copy:
    case method::link:
    case method::merge:
    case method::mkactivity:
    case method::mkcalendar:
    case method::mkcol:
    case method::move:
    case method::proppatch:
    case method::rebind:
    case method::unbind:
    case method::unlink:
    case method::unlock: return true;
    default: return false;
    }
}

}  // namespace weir::http
