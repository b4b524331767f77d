// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/lasting_text.hpp>
#include <droplit/http.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A handler that responds to GET and HEAD at one path, always in the same way: a page, a document, a script.
///
///     StaticResource page("/", "text/html; charset=utf-8", "<!doctype html><title>droplit</title>");
///     Router router(endpoint, page);
///
/// The query of a request does not matter, nor does a body that the server takes. Thread-safe.
class StaticResource {
 public:
  const Route route;  ///< GET of its path

  /// `path` must outlive the resource: a temporary `std::string` does not compile. `fields`: further fields of the
  /// response.
  StaticResource(detail::LastingText path, std::string_view content_type, std::string_view body,
                 const HeaderFields& fields = {})
      : route{"GET", path.view().value_or("")} {
    write_response(response_, 200, content_type, body);
    for (const HeaderField field : fields) response_.fields.add(field.name, field.value);
  }

  /// The response to every request of the route. A server copies it once, into memory of the connection.
  [[nodiscard]] const Response& handle(const Request&) const noexcept { return response_; }

 private:
  Response response_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
