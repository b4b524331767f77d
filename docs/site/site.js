// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What is too wide for the screen can be scrolled by keyboard, too.
addEventListener('load', () => {
  const update = () => {
    for (const each of document.querySelectorAll('.fragment, .contents table, .contents tbody')) {
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
    }
  };
  update();
  addEventListener('resize', update);
});
