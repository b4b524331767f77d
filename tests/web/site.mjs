// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// site.mjs SITE FOLDER: what a reader sees first of five pages of the site that docs/build.sh built, in Chromium. Screenshots go to
// FOLDER.
import {chromium} from 'playwright-core';

import assert from 'node:assert/strict';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {pathToFileURL} from 'node:url';

const [site, pictures] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pages = ['index', 'tour', 'errors', 'design', 'classdroplit_1_1ApiError'];
const sizes = {phone: {width: 360, height: 740}, desktop: {width: 1280, height: 900}};

let browser;

before(async () => {
  fs.mkdirSync(pictures, {recursive: true});
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
});

after(() => browser?.close());

// Opens a page of the site; `page.complaints` are those of its scripts, and what it loads from elsewhere.
async function open(name, scheme, size) {
  const page = await browser.newPage({colorScheme: scheme, viewport: sizes[size]});
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(error.message));
  page.on('console', (message) => page.complaints.push(message.text()));
  page.on('request', (request) => {
    if (!/^(file|data):/.test(request.url())) page.complaints.push(request.url());
  });
  await page.goto(pathToFileURL(path.join(site, `${name}.html`)).href);
  await page.locator('#MSearchField[aria-label]').first().waitFor({state: 'attached'});
  return page;
}

for (const scheme of ['light', 'dark']) {
  for (const size of Object.keys(sizes)) {
    test(`axe finds nothing serious on a ${size}, ${scheme}, and nothing is wider than the screen`, async () => {
      for (const name of pages) {
        const page = await open(name, scheme, size);
        await page.screenshot({path: path.join(pictures, `${name}-${scheme}-${size}.png`)});
        await page.evaluate(axe);
        const {violations, passes} = await page.evaluate(() => window.axe.run({preload: false}));
        const serious = violations.filter(({impact}) => impact === 'serious' || impact === 'critical');
        assert.deepEqual(serious.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => [id, html, failureSummary])), [], name);
        assert.ok(passes.some(({id}) => id === 'color-contrast'), 'axe has not looked at contrast');
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= sizes[size].width, `${name} is too wide`);
        const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor === 'rgb(28, 29, 31)');
        assert.equal(dark, scheme === 'dark', `${name} does not follow the system`);
        assert.deepEqual(page.complaints, [], name);
        await page.close();
      }
    });
  }
}

test('the search finds a type, and leads to it', async () => {
  const page = await open('index', 'light', 'desktop');
  await page.locator('#MSearchField').click();
  await page.keyboard.type('findings');
  await page.frameLocator('#MSearchResults').getByText('Findings', {exact: true}).click();
  await page.waitForURL(/\/structdroplit_1_1Findings\.html/);
  await page.close();
});
