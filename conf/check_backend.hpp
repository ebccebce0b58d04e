#pragma once
/// What a backend's own parts, and the fallbacks of all backends, must be among each other. Part of check.hpp.
#include "conf/check.hpp"

namespace weir::conf {

/// For one backend, once its block is read. Reads the file of `fallback file`.
void check_backend(backend& made, const written& where, const environment& machine, diagnostics& problems);

/// Finds the backends that fallbacks name, which may stand further down, and refuses those that lead in a circle.
void settle_fallbacks(config& whole, const written& top, diagnostics& problems);

}  // namespace weir::conf
