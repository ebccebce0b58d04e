#include "proxy/version.hpp"

#include <llhttp.h>

#include "lib/async/uv_loop.hpp"
#include "lib/tls/openssl.hpp"

#ifndef WEIR_VERSION
#define WEIR_VERSION "unknown"
#endif

namespace weir {

std::string version_line() { return "weir " WEIR_VERSION "\n"; }

std::string version_lines() {
    std::string text = version_line();
    text.append("libuv ").append(libuv_version()).append("\n");
    text.append("llhttp ").append(std::to_string(LLHTTP_VERSION_MAJOR)).append(".");
    text.append(std::to_string(LLHTTP_VERSION_MINOR))
        .append(".")
        .append(std::to_string(LLHTTP_VERSION_PATCH))
        .append("\n");
    text.append("openssl ").append(tls::openssl_version()).append("\n");
    text.append("compiler ").append(__VERSION__).append("\n");
    return text;
}

}  // namespace weir
