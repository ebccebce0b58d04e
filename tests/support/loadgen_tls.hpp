#pragma once
/// What a load generator's connections offer in their TLS handshakes.
#include "tests/support/loadgen_engine.hpp"

namespace loadgen {

/// Throws std::runtime_error for what OpenSSL does not know.
weir::testing::ssl_context context_for(const tls_plan& wanted);

}  // namespace loadgen
