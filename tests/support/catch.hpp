#pragma once
/// Catch2, whichever major version the system has: 2 (Debian 12, one header) or 3 (newer ones).
///
///     #include "tests/support/catch.hpp"
///     TEST_CASE("a semaphore gives its places back") { CHECK(places.free() == 3); }
///
/// What differs between the two is evened out here, so that a test is written once: `Approx` and the matchers stand
/// in namespace Catch in both.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
