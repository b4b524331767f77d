-- Distributed under the Boost Software License, Version 1.0. See LICENSE.
-- For wrk: creates clients, and at the end prints answers, microseconds, answers that are no success, and failures.
wrk.method = "POST"
wrk.path = "/api/clients"
wrk.headers["authorization"] = "benchmark-token"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"Lobby panel"}'

function done(summary)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
