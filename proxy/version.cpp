#include "proxy/version.hpp"

#include <llhttp.h>
#include <uv.h>

#ifndef WEIR_VERSION
#define WEIR_VERSION "unknown"
#endif

namespace weir {

std::string version_line() { return "weir " WEIR_VERSION "\n"; }

std::string version_lines() {
    std::string text = version_line();
    text.append("libuv ").append(uv_version_string()).append("\n");
    text.append("llhttp ").append(std::to_string(LLHTTP_VERSION_MAJOR)).append(".");
    text.append(std::to_string(LLHTTP_VERSION_MINOR)).append(".").append(std::to_string(LLHTTP_VERSION_PATCH)).append("\n");
    text.append("compiler ").append(__VERSION__).append("\n");
    return text;
}

}  // namespace weir
