// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/try_it/page.hpp>
#include <droplit/detail/try_it/script.hpp>
#include <droplit/detail/try_it/snippets.hpp>
#include <droplit/detail/try_it/style.hpp>
#include <droplit/http.hpp>
#include <droplit/static_resource.hpp>

#include <string>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

/// The fields of all three responses: a browser loads everything from the page's own origin and shows it in no frame.
inline HeaderFields try_it_fields() {
  HeaderFields fields;
  fields.add("content-security-policy",
             "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
             "form-action 'none'; frame-ancestors 'none'");
  fields.add("x-content-type-options", "nosniff");
  fields.add("referrer-policy", "no-referrer");
  return fields;
}

}  // namespace detail

/// The Try It page, as three handlers: a form that sends requests from a browser, shows the responses, and writes the
/// same requests in other languages.
///
///     const StaticResource document = openapi_resource();
///     const TryIt try_it;
///     Router router(endpoint, document, try_it.page, try_it.script, try_it.style);
///
/// The page reads all that it says of the API from `/openapi.json`, so that must be served beside it. Thread-safe.
struct TryIt {
  StaticResource page;    ///< of `/`
  StaticResource script;  ///< of `/try-it.js`
  StaticResource style;   ///< of `/try-it.css`

  /// With false, the three are not found, so that an option of a program can switch the page off.
  explicit TryIt(bool is_served = true)
      : page(is_served ? "/" : no_path, "text/html; charset=utf-8", detail::try_it_page, detail::try_it_fields()),
        script(is_served ? "/try-it.js" : no_path, "text/javascript; charset=utf-8",
               std::string(detail::try_it_snippets).append(detail::try_it_script), detail::try_it_fields()),
        style(is_served ? "/try-it.css" : no_path, "text/css; charset=utf-8", detail::try_it_style,
              detail::try_it_fields()) {}

 private:
  static constexpr const char* no_path = " ";  // of no request: a target with a space is malformed
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
