// What every page owes whoever looks at it: nothing overflows, all text can be read, the keyboard
// reaches everything.

import assert from 'node:assert/strict';

import axe from 'axe-core';

// looksGood holds what a page shows now; state says what that is.
export async function looksGood(page, state = '') {
  assert.deepEqual(await overflowing(page), [], state);
  const results = await page.evaluate(`${axe.source}; axe.run({ resultTypes: ['violations'] })`);
  assert.deepEqual(results.violations.map(({ id, nodes }) => [id, nodes.map((n) => n.html)]), [], state);
  const contrast = results.passes.find((rule) => rule.id === 'color-contrast');
  assert.ok(contrast?.nodes.length > 0, 'axe judged no contrast');
  assert.deepEqual(await faint(page), [], state);
}

// walk goes through the page by Tab: every control in reading order, focused where it is seen. It
// returns how many there are.
export async function walk(page) {
  await page.evaluate(() => {
    document.activeElement.blur();
    getSelection().removeAllRanges();
    scrollTo(0, 0);
  });
  const controls = await page.$$eval('a[href], button:enabled, input, select, textarea, [tabindex="0"]', (all) => all
    .filter((e) => e.getClientRects().length && !(e.type === 'radio' && !e.checked))
    .map((e, i) => { e.dataset.walk = i; return i; }));
  await page.goto(`${page.url()}#`); // sequential focus starts at the top of the page
  const walked = [];
  for (let i = 0; i < controls.length; i++) {
    await page.keyboard.press('Tab');
    const seen = await page.evaluate(() => {
      const e = document.activeElement;
      const drawn = e.type === 'radio' ? e.nextElementSibling : e;
      const box = drawn.getBoundingClientRect();
      return {
        walk: Number(e.dataset.walk), name: e.outerHTML.slice(0, 80),
        outline: getComputedStyle(drawn).outlineStyle !== 'none' && parseFloat(getComputedStyle(drawn).outlineWidth) >= 2,
        // A region that scrolls may be larger than the window; a browser is content when it shows part of it.
        inSight: e.hasAttribute('tabindex') ? box.bottom > 0 && box.top < innerHeight : box.top >= 0 && box.bottom <= innerHeight,
      };
    });
    walked.push(seen.walk);
    assert.ok(seen.outline, `${seen.name} has no visible focus`);
    assert.ok(seen.inSight, `${seen.name} is focused out of sight`);
  }
  assert.deepEqual(walked, controls);
  return controls.length;
}

// overflowing returns what stands out of the page, or whose text stands out of itself.
function overflowing(page) {
  return page.evaluate(() => {
    const found = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
    for (const e of document.querySelectorAll('body *')) {
      if (e.closest('.unseen, .skip, svg, [hidden]')) continue;
      const box = e.getBoundingClientRect();
      const name = `${e.tagName} ${e.className} ${e.textContent.slice(0, 30)}`;
      if (box.width && (box.left < -0.5 || box.right > width + 0.5)) found.push(`${name}: ${box.left} to ${box.right}`);
      if (e.matches('button, .name, .state, .place, .typical, .time, .badge') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth) {
        found.push(`${name}: text of ${e.scrollWidth} in ${e.clientWidth}`);
      }
      // A word that is broken in the middle overflows just as badly.
      if (e.matches('button, .name, .time') && e.firstChild) {
        const range = document.createRange();
        for (const word of e.firstChild.textContent.matchAll(/\S+/g)) {
          range.setStart(e.firstChild, word.index);
          range.setEnd(e.firstChild, word.index + word[0].length);
          if (new Set([...range.getClientRects()].map((r) => r.top)).size > 1) found.push(`${name}: ${word[0]} is broken`);
        }
      }
    }
    return found;
  });
}

// faint returns texts with a contrast below 4.5:1 to the page, for axe leaves undecided
// what lies over the drawn lines.
function faint(page) {
  return page.evaluate(() => {
    const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const luminance = (color) => {
      const [r, g, b] = color.match(/[\d.]+/g).map(Number);
      return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    };
    const behind = (e) => {
      for (; e; e = e.parentElement) {
        const { backgroundColor } = getComputedStyle(e);
        if (!/, 0\)$|transparent/.test(backgroundColor)) return backgroundColor;
      }
    };
    const found = [];
    for (const e of document.querySelectorAll('body *')) {
      const texts = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
      if (!texts || !e.getClientRects().length || e.closest('noscript')) continue;
      const [a, b] = [luminance(getComputedStyle(e).color), luminance(behind(e))].sort((x, y) => y - x);
      if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${e.className} ${e.textContent.slice(0, 30)}: ${(a + 0.05) / (b + 0.05)}`);
    }
    return found;
  });
}
