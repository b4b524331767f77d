// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The one table of the field names in a request's head that this library reads or writes itself, so that a name is
// compared once per field line. Used by RequestHead, by the server's head parser and by the transports, which must not
// let a caller set a field of their own.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

enum class HeadField : std::uint8_t {
  other,
  authorization,
  content_type,
  content_encoding,
  content_length,
  host,
  transfer_encoding,
  connection,
  expect,
  idempotency_key,
  request_id,
  traceparent,
};

struct HeadFieldRow {
  HeadField field;
  std::string_view name;
  bool reserved;  ///< only a transport itself writes it: it authenticates the caller or frames the message
};

inline constexpr auto head_fields = std::to_array<HeadFieldRow>({
    {HeadField::authorization, "authorization", true},
    {HeadField::content_type, "content-type", false},
    {HeadField::content_encoding, "content-encoding", false},
    {HeadField::content_length, "content-length", true},
    {HeadField::host, "host", true},
    {HeadField::transfer_encoding, "transfer-encoding", true},
    {HeadField::connection, "connection", true},
    {HeadField::expect, "expect", true},
    {HeadField::idempotency_key, "idempotency-key", false},
    {HeadField::request_id, "x-request-id", false},
    {HeadField::traceparent, "traceparent", false},
    {HeadField::other, "", false},
});

/// The row of a field's name, compared without case; the last row for a name that is not in the table.
constexpr const HeadFieldRow& head_field(std::string_view name) noexcept {
  const auto is_named = [name](const HeadFieldRow& row) {  // most sizes differ, and cost no call then
    return row.name.size() == name.size() && equals_ignoring_case(row.name, name);
  };
  const HeadFieldRow* row = head_fields.data();
  while (row->field != HeadField::other && !is_named(*row)) ++row;
  return *row;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
