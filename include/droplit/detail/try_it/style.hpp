// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The style of `TryIt`, as it is served: one column on a narrow screen, two on a wide one; colours of at least WCAG's
// contrast AA on both schemes.

#include <droplit/detail/config.hpp>

#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline constexpr std::string_view try_it_style = R"css(:root {
  color-scheme: light dark;
  --page: #fff;
  --panel: #f5f7f9;
  --line: #d9dee5;
  --edge: #828c9a;
  --ink: #1a2029;
  --muted: #55606f;
  --accent: #0a5ca8;
  --on-accent: #fff;
  --good: #0f6b3a;
  --bad: #a5311d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #13161b;
    --panel: #1b2028;
    --line: #343c48;
    --edge: #727d8d;
    --ink: #e4e8ee;
    --muted: #a2adbc;
    --accent: #74b8f8;
    --on-accent: #0b1017;
    --good: #6fd19a;
    --bad: #ff9d8b;
  }
}

* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
body {
  max-width: 76rem;
  margin: 0 auto;
  padding: 1.5rem 1.25rem 4rem;
  background: var(--page);
  color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif;
}
pre, code, input, textarea, select, dl, #route { font: .875rem/1.5 ui-monospace, monospace; }
h1 { font-size: 1.75rem; line-height: 1.2; }
h2 { margin-bottom: .75rem; font-size: 1.25rem; }
h2 small { display: inline-block; }
h3 { margin-top: 1rem; }
header { margin-bottom: 2rem; }
header p { margin-top: .375rem; }
section p, .field p, #about, small, h3, legend, dt, #copied { color: var(--muted); }
p, small, h3, legend, .option, #copied { font-size: .875rem; font-weight: 400; }
#route b { margin-right: .75rem; padding: .125rem .5rem; border-radius: .25rem; background: var(--ink); color: var(--page); }

main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 2.5rem 3rem; }
section + section { margin-top: 2.5rem; }
@media (min-width: 60rem) {
  main { grid-template: auto 1fr / minmax(0, 5fr) minmax(0, 6fr); }
  #result {
    position: sticky;
    top: 0;
    grid-area: 1 / 2 / 3 / 3;
    align-self: start;
    overflow: auto;
    max-height: 100vh;
    margin: -1rem -.5rem;
    padding: 1rem .5rem;
  }
}

.field { display: grid; grid-template-columns: 1fr auto; gap: .25rem 1rem; margin-bottom: 1.25rem; }
.field > :nth-child(n + 3) { grid-column: 1 / 3; }
label, strong { font-weight: 600; }
label small { margin-left: .25rem; }
.option { display: flex; gap: .375rem; align-items: center; font-weight: 400; }
[type=checkbox], [type=radio] { accent-color: var(--accent); }
input:not([type=checkbox], [type=radio]), textarea, select {
  width: 100%;
  min-height: 2.5rem;
  padding: .5rem .625rem;
  border: 1px solid var(--edge);
  border-radius: .375rem;
  background: var(--page);
  color: inherit;
}
textarea { field-sizing: content; resize: vertical; }
:disabled { opacity: .5; }

button {
  min-height: 2.5rem;
  padding: .25rem 1rem;
  border: 1px solid var(--accent);
  border-radius: .375rem;
  background: var(--page);
  color: var(--accent);
  font: inherit;
  font-weight: 600;
  cursor: pointer;
}
#form > button { background: var(--accent); color: var(--on-accent); }
button:hover { filter: brightness(1.15); text-decoration: underline; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }

pre {
  overflow: auto;
  max-height: 24rem;
  padding: .75rem 1rem;
  border: 1px solid var(--line);
  border-radius: .375rem;
  background: var(--panel);
}
dl { margin: .25rem 0 1rem; overflow-wrap: anywhere; }
dl div { display: grid; grid-template-columns: 10rem 1fr; gap: .5rem; }
.good { color: var(--good) !important; }
.bad { color: var(--bad) !important; }
#status strong { font-size: 1.25rem; }
#status b { display: block; font-weight: 600; }
.none { padding: 2rem 1rem; border: 1px dashed var(--edge); border-radius: .375rem; text-align: center; }
[aria-busy] #received { opacity: .4; }

#bar { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: center; margin-bottom: .5rem; }
#bar button, li button { min-height: 2rem; padding: 0 .75rem; font-size: .875rem; }
#copied { margin-left: auto; }
.choice { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem; padding: 0; border: 0; }
#received .choice { margin-bottom: .5rem; }
.choice legend { float: left; margin-right: .75rem; padding: 0; }
.choice input { position: absolute; opacity: 0; }
.choice span { display: block; padding: .125rem .625rem; border-radius: .375rem; font-size: .875rem; cursor: pointer; }
.choice :checked + span { background: var(--accent); color: var(--on-accent); forced-color-adjust: none; }
.choice :focus-visible + span { outline: 3px solid var(--accent); outline-offset: 2px; }

ul { margin-top: .75rem; padding: 0; list-style: none; }
li { padding: .75rem 0; border-top: 1px solid var(--line); }
li p { margin: .375rem 0; }
li small { margin-left: .75rem; }
)css";

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
