// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The page of `TryIt`: only places, which the script fills with what /openapi.json says. No inline script, style or
// handler, since its Content-Security-Policy allows none. Page, style and script together have at most 20,480 bytes.

#include <droplit/detail/config.hpp>

#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline constexpr std::string_view try_it_page = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Try It</title>
<link rel="stylesheet" href="try-it.css">
<script type="module" src="try-it.js"></script>

<header>
  <h1 id="summary">Try It</h1>
  <p id="route"></p>
  <p id="about"><noscript>This page needs JavaScript.</noscript></p>
</header>

<main hidden>
  <form id="form" autocomplete="off" novalidate>
    <h2>Request</h2>
    <div class="field">
      <label for="token" id="token-name"></label>
      <label class="option"><input id="show" type="checkbox" aria-label="show token">show</label>
      <input id="token" type="password" autocomplete="off" required pattern="[!-~]+" title="visible ASCII characters"
             aria-describedby="token-about">
      <p id="token-about"></p>
    </div>
    <div id="fields"></div>
    <button>Try It!</button>
  </form>

  <div id="result">
    <section id="response" aria-labelledby="response-title">
      <h2 id="response-title">Response</h2>
      <div id="status" role="status"><p class="none">Click Try It! to start a request and see the response here!</p></div>
      <div id="received" hidden>
        <h3>Header fields</h3>
        <dl id="headers"></dl>
        <fieldset class="choice">
          <legend>Body</legend>
          <label><input type="radio" name="form" checked><span>Pretty</span></label>
          <label><input type="radio" name="form" id="raw"><span>Raw</span></label>
        </fieldset>
        <pre id="body" tabindex="0" role="region" aria-label="Body"></pre>
      </div>
    </section>

    <section aria-labelledby="code-title">
      <h2 id="code-title">The same request <small id="which"></small></h2>
      <div id="bar">
        <fieldset class="choice" id="languages"><legend>As</legend></fieldset>
        <span id="copied" role="status"></span>
        <button type="button" id="copy">Copy</button>
      </div>
      <pre id="code" tabindex="0" role="region" aria-label="Code"></pre>
    </section>
  </div>

  <section id="errors" aria-labelledby="errors-title">
    <h2 id="errors-title">Errors</h2>
    <p>Click an error to send the request that provokes it.</p>
    <ul id="provoke"></ul>
  </section>
</main>
)html";

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
