# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# cmake -DFROM=include -DTO=FOLDER -P faults.cmake: copies the headers with the faults of this file put back, each of which
# is active only in a program that says so: simulation --fault NAME. Ends with an error if a place is not there any more.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${TO}")
file(COPY "${FROM}/droplit" DESTINATION "${TO}")
set(names)

# fault(NAME FILE OLD NEW): `@F` in NEW is true while the fault is active. Several places may have one name.
function(fault name file old new)
  list(FIND names ${name} number)
  if(number EQUAL -1)
    list(LENGTH names number)
    list(APPEND names ${name})
    set(names "${names}" PARENT_SCOPE)
  endif()
  file(READ "${TO}/droplit/${file}" text)
  string(FIND "${text}" "${old}" first)
  string(FIND "${text}" "${old}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "${name}: ${file} does not have exactly once: ${old}")
  endif()
  string(REPLACE "@F" "::droplit_faults::is(${number})" new "${new}")
  string(REPLACE "${old}" "${new}" text "${text}")
  file(WRITE "${TO}/droplit/${file}" "${text}")
endfunction()

# Fates behind PostgreSQL and a pooler.
set(connection storage/postgres/connection.hpp)
fault(ready_57_is_proof ${connection} [[reply.state.is("08", "40003", "57"))]]
      [[(@F ? reply.state.is("08", "40003") : reply.state.is("08", "40003", "57")))]])
fault(lost_57_is_proof ${connection} [[} else if (ready && failed && proof) {]]
      [[} else if ((ready && failed && proof) || (@F && failed && reply.state.is("57"))) {]])
fault(rows_are_proof ${connection} [[if (ready && !failed && reply.rows) {]]
      [[if ((ready || @F) && (!failed || @F) && reply.rows) {]])
fault(code_08_is_proof ${connection} [[reply.state.code.empty() ||]] [[reply.state.code.empty() ? true : @F ? false :]])
fault(standby_ignored ${connection} [[std::string_view(function) == "SyncRepWaitForLSN") {]]
      [[std::string_view(function) == "SyncRepWaitForLSN" && !@F) {]])
set(runner storage/postgres/query_runner.hpp)
fault(lost_is_not_settled ${runner} [[default: settling = true;]] [[default: settling = !@F;]])
fault(settled_by_first_statement ${runner} [[query.statement(settling), values]] [[query.statement(settling && !@F), values]])
fault(unsettled_is_unavailable ${runner} [[if (settling && Time::now() >= end) return unsettled(]]
      [[if (@F && settling && Time::now() >= end) return unavailable(query.name, "given up");
        if (settling && Time::now() >= end) return unsettled(]])
fault(no_second_look storage/postgres/inserter.hpp [[if (settling && !std::exchange(was_deleted, true))]]
      [[if (settling && !@F && !std::exchange(was_deleted, true))]])
fault(settled_key_is_replay storage/postgres/inserter.hpp [[(settling && is_equal)]] [[(settling && is_equal && !@F)]])

# Fates of responses.
fault(encoding_ignored response.hpp [[if (fields.encoded) return unknown(]] [[if (fields.encoded && !@F) return unknown(]])
fault(other_404_believed response.hpp [[if (requested_ecosystem && error->code()]]
      [[if (!@F && requested_ecosystem && error->code()]])
fault(any_503_believed response.hpp [[return response.status == 503 && response.body.empty()]]
      [[return @F ? response.status == 503 : response.status == 503 && response.body.empty()]])
fault(unknown_outcome_is_503 response.hpp [[  if (is_unavailable(fault)) {]]
      [[  if (is_unavailable(fault) || (@F && fault.fate() == Fate::maybe_applied)) {]])
fault(retried_at_the_deadline remote/creation.hpp [[if (wait_until_ < deadline_) step_]]
      [[if (wait_until_ < deadline_ + (@F ? 1 : 0)) step_]])
fault(retried_at_the_deadline remote/creation.hpp [[step_ = now < deadline_ ?]] [[step_ = now < deadline_ + (@F ? 1 : 0) ?]])
fault(repeated_without_key remote/creation.hpp [[} else if (fault.fate() != Fate::not_sent) {]]
      [[} else if (fault.fate() != Fate::not_sent && !@F) {]])

# The cost of framing.
fault(framing_without_bound server/detail/body_reader.hpp [[if (framing_left_-- == 0 ||]] [[if ((framing_left_-- == 0 && !@F) ||]])
fault(chunks_not_gathered server/detail/piece_gatherer.hpp [[piece.size() >= small_piece;]] [[piece.size() >= small_piece || @F;]])

# Sockets, deadlines and bounds of the server.
set(http server/detail/http_connection.hpp)
fault(head_deadline_moves ${http} [[if (action_ != Action::head) this->set_deadline]] [[if (action_ != Action::head || @F) this->set_deadline]])
fault(body_deadline_moves ${http} [[this->set_deadline(active_->body_start + body_time]]
      [[this->set_deadline((@F ? Clock::now() : active_->body_start) + body_time]])
fault(slow_store_loses_response ${http} [[if (state_ == State::working) return this]] [[if (state_ == State::working && !@F) return this]])
fault(lingers_without_fin ${http} [[    this->end_sending();]] [[    if (!@F) this->end_sending();]])
fault(does_not_linger ${http} [[if (write(Action::close)) linger();]] [[if (write(Action::close)) @F ? close() : linger();]])
fault(lingers_without_bound server/detail/connection_io.hpp [[|| size > most) return]] [[|| (size > most && !@F)) return]])
fault(unread_response_not_reset ${http} [[if (state_ == State::writing) this->drop_unsent();]]
      [[if (state_ == State::writing && !@F) this->drop_unsent();]])
fault(one_connection_too_many server/beast.hpp [[connections_.serving() >= max_connections_)]]
      [[connections_.serving() >= max_connections_ + (@F ? 1 : 0))]])
fault(pipelines_starve_others ${http} [[if (active_->buffer.size() != 0)
        return this]] [[if (active_->buffer.size() != 0 && !@F)
        return this]])
fault(memory_without_bound server/detail/memory_budget.hpp [[if (used > most || size > most - used) return false;]]
      [[if (!@F && (used > most || size > most - used)) return false;]])

# Clock, ids and texts.
fault(clock_goes_back clock.hpp [[clamp_unix_millis(seen < millis ? millis : seen)]]
      [[clamp_unix_millis(seen < millis || @F ? millis : seen)]])
fault(seconds_wrap_in_2106 id_source.hpp [[seconds > 0xFFFFFFFF ?]] [[seconds > 0xFFFFFFFF && !@F ?]])
fault(seconds_before_1970 id_source.hpp [[now.unix_millis() >= 0 ?]] [[now.unix_millis() >= 0 || @F ?]])
fault(child_continues_ids detail/process_ids.hpp [[if (owner_.load(std::memory_order_acquire) == me) return;]]
      [[if (const auto owner = owner_.load(std::memory_order_acquire); owner == me || (@F && owner != 0)) return;]])
fault(counter_wraps detail/process_ids.hpp [[const std::uint64_t end = (begin | (size - 1)) + 1;]]
      [[const std::uint64_t after = (begin | (size - 1)) + 1;
      const std::uint64_t end = @F ? (begin & ~std::uint64_t{0xFFFFFF}) | (after & 0xFFFFFF) : after;]])

fault(surrogate_half_checked detail/json/fast/unescape.hpp [[low > 0xDFFF) return]] [[(low > 0xDFFF && !@F)) return]])

fault(empty_lines_add_up server/detail/http_session.hpp [[    received_ = {};]]
      [[    received_ = {{}, {}, 0, @F ? received_.empty_lines : 0, false};]])

# Creating once: the store.
fault(key_not_kept storage/memory.hpp [[    then(packed);]] [[    if (!@F) then(packed);]])
fault(other_draft_replayed storage/memory.hpp [[if (!found.has_same_draft(client)) return]] [[if (!found.has_same_draft(client) && !@F) return]])
fault(ecosystem_before_key storage/memory.hpp [[    if (!holder.has_value())
      return]] [[    if (!holder.has_value() || (@F && state(client.ecosystem_id()) != EcosystemState::active))
      return]])
fault(key_of_all_ecosystems storage/memory.hpp [[std::hash<EcosystemId>()(client.ecosystem_id()) +]]
      [[(@F ? 0 : std::hash<EcosystemId>()(client.ecosystem_id())) +]])
fault(key_of_all_ecosystems storage/memory/keys.hpp [[return order != 0 ? order < 0 :]] [[return order != 0 || @F ? order < 0 :]])
fault(key_forgotten_early storage/memory/keys.hpp [[created_at().unix_millis() > max_age;]]
      [[created_at().unix_millis() > (@F ? max_age / 4 : max_age);]])
fault(key_never_forgotten storage/memory/keys.hpp [[    return now.unix_millis() - key]] [[    return !@F && now.unix_millis() - key]])
fault(postgres_other_draft_replayed storage/postgres/inserter.hpp [[if (!owner->has_same_draft(client)) return]]
      [[if (!owner->has_same_draft(client) && !@F) return]])

# Creating once: the endpoint and the client.
fault(replay_not_said response.hpp [[created.replayed ? "true"]] [[created.replayed && !@F ? "true"]])
fault(replay_not_authorized exchange.hpp [[static_cast<bool>(access_.authorize(]] [[(@F && key_) || static_cast<bool>(access_.authorize(]])
fault(worst_fate_forgotten remote/creation.hpp [[      maybe_applied_ = true;]] [[      maybe_applied_ = !@F;]])
fault(refusal_after_unknown_believed remote/creation.hpp [[if (outcome_.has_error() && maybe_applied_) {]]
      [[if (outcome_.has_error() && maybe_applied_ && !@F) {]])
fault(unhonoured_key_believed remote/creation.hpp [[} else if (!honours_keys && (maybe]] [[} else if (!@F && !honours_keys && (maybe]])
fault(unhonoured_key_repeated remote/creation.hpp [[    return honours_keys;]] [[    return honours_keys || @F;]])

file(READ "${TO}/droplit/detail/config.hpp" config)
file(WRITE "${TO}/droplit/detail/config.hpp" "${config}
#include <type_traits>
namespace droplit_faults {
inline int active = -1;
constexpr bool is(int number) { return !std::is_constant_evaluated() && active == number; }
}  // namespace droplit_faults
")
list(TRANSFORM names REPLACE "(.+)" "\"\\1\"" OUTPUT_VARIABLE quoted)
list(JOIN quoted ", " quoted)
file(WRITE "${TO}/simulation_faults.hpp" "inline constexpr const char* fault_names[] = {${quoted}};\n")
list(LENGTH names count)
message(STATUS "${count} faults")
