import assert from 'node:assert/strict';
import { STREAMED_ENTRY } from '../support/installation.ts';
import { fillInstallation } from './fill-installation.ts';
import { BY, useAdmin } from './use-admin.ts';
import { useBrowser } from './use-browser.ts';

describe('the legend of a chart', () => {
  const admin = useAdmin({ views: [STREAMED_ENTRY] });
  const browser = useBrowser();
  before(() => fillInstallation(admin.on));

  for (const width of [1280, 390]) {
    it(`has no line for the time: ${width} px wide`, async () => {
      const page = await browser.open(`${admin.url}/views/pmr_behind`, {
        by: BY.operator,
        viewport: { width, height: 900 },
      });
      const charts = page.locator('figure.chart');
      assert.equal(await charts.count(), 4);
      for (const chart of await charts.all()) {
        const time = chart.locator('.u-series').first();
        const heightOf = async () => (await chart.boundingBox())?.height;
        const idle = await heightOf();
        assert.ok(!(await time.isVisible()));
        // The height of the chart if the time were not there at all.
        const without = await chart.evaluate((figure) => {
          const row = figure.querySelector('.u-series');
          const next = row?.nextSibling ?? null;
          const place = row?.parentNode ?? null;
          row?.remove();
          const { height } = figure.getBoundingClientRect();
          if (row && place) place.insertBefore(row, next);
          return height;
        });
        assert.equal(idle, without);

        await chart.locator('.u-over').hover();
        await time.waitFor();
        assert.match(await time.innerText(), /\d\d:\d\d/);
        // A phone has no pointer; there, values may need another line.
        if (width > 1000) assert.equal(await heightOf(), idle);
      }
    });
  }
});
