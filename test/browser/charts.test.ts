import assert from 'node:assert/strict';
import { useFilledPages } from './use-pages.ts';

describe('the legend of a chart', () => {
  const { open } = useFilledPages();

  for (const width of [1280, 390]) {
    it(`has no line for the time: ${width} px wide`, async () => {
      const page = await open('/views/pmr_behind', { viewport: { width, height: 900 } });
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
          row?.style.setProperty('display', 'none', 'important');
          const { height } = figure.getBoundingClientRect();
          row?.style.removeProperty('display');
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
