import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readRecords } from '../../bench/record.ts';
import { drawChart } from '../../bench/report/draw-chart.ts';
import { generatedReport } from '../../bench/report/generated-report.ts';
import { atLeast, atMost } from '../../bench/report/section.ts';
import { ROOT } from '../../support/documents.ts';

const DOCS = join(ROOT, 'docs');

describe('docs/performance.md', () => {
  it('with its charts and docs/capacity.md are exactly what `npm run bench -- report` writes from the recorded runs', async () => {
    const files = generatedReport(await readRecords());
    const committed = globSync(['performance.md', 'capacity.md', 'images/performance-*.svg'], { cwd: DOCS });

    assert.deepEqual(committed.map((path) => path.replaceAll('\\', '/')).sort(), [...files.keys()].sort());
    for (const [path, content] of files) {
      const text = await readFile(join(DOCS, path), 'utf8');
      assert.equal(text, content, `docs/${path} differs from the records; run: npm run bench -- report`);
    }
  });

  it('names every aim, also before a run is recorded', () => {
    const text = generatedReport([]).get('performance.md') ?? '';

    for (const bench of ['extract', 'initial', 'stream', 'tick', 'cold start'])
      assert.match(text, new RegExp(`^\\| ${bench}\\b.* \\| no run is recorded \\|  \\|  \\|`, 'm'));
  });

  const environment = { node: '24.0.0', postgres: '18.4.0', cores: 2, used_by_others_cores: 0.05 };

  it('judges what ticks need of many rows, of a long log, and of many views', () => {
    const tick = { tick_ms: 120, baseline_tick_ms: 100, cpu_ms: 50 };
    const views = { seconds: 3, baseline_seconds: 1, time_ratio: 3 };
    const text = generatedReport([
      {
        ...environment,
        bench: 'tick',
        date: '2026-11-30',
        result: { rows: 5_000_000, ...tick, log: { ...tick, tick_ms: 150 } },
      },
      {
        ...environment,
        bench: 'many-views',
        date: '2026-11-30',
        result: { all_changed: views, five_changed: views },
      },
    ]).get('performance.md');

    assert.match(text ?? '', /rows in the view's table \| 1.2 times, at 5,000,000 \| yes \|/);
    assert.match(text ?? '', /rows in the log \| 1.5 times, at 5,000,000 \| no \| a factor of 1.25 \|/);
    assert.match(text ?? '', /\| 3 times \| no \| a factor of 1.50 \|/);
    assert.doesNotMatch(text ?? '', /These runs were disturbed/);
  });

  it('says so if other programs disturbed a run', () => {
    const record = { ...environment, used_by_others_cores: 1.2, bench: 'x', date: '2026-11-30', result: {} };
    assert.match(generatedReport([record]).get('performance.md') ?? '', /up to 1.2 of the 2 cores/);
  });

  it('shows every figure of a bench that compares no cases', () => {
    const record = {
      ...environment,
      bench: 'admin',
      date: '2026-11-30',
      result: { pages: { overview: 3.5 } },
    };
    const text = generatedReport([record]).get('performance.md') ?? '';

    assert.match(text, /^## The page of the operators$/m);
    assert.match(text, /^\| pages, overview \| 3.5 \|$/m);
    assert.doesNotMatch(text, /^## Capture$/m);
  });
});

describe('an aim', () => {
  it('is met at its limit, and says by how much it is missed', () => {
    assert.equal(atLeast('a', 5, 5).isMet, true);
    assert.equal(atMost('a', 200, 200).isMet, true);
    assert.deepEqual(atLeast('a', 5, 4, ' ×'), {
      aim: 'a',
      measured: '4 ×',
      isMet: false,
      missedBy: 'a factor of 1.25',
    });
  });
});

describe('a chart', () => {
  const chart = {
    name: 'c',
    title: 'Rows < per second',
    bars: [
      { label: 'ours', value: 2, note: '2 (0.5 s)', isOurs: true },
      { label: 'theirs', value: 1, note: '1 (1 s)', isOurs: false },
    ],
  };

  it('has the same bytes each time, and says each value in text', () => {
    const first = drawChart(chart);
    assert.deepEqual(drawChart(chart), first);
    for (const text of ['Rows &lt; per second', 'ours', 'theirs', '2 (0.5 s)', '1 (1 s)'])
      assert.ok(first.light.includes(`>${text}</text>`), text);
    assert.match(first.dark, /<title>Rows &lt; per second<\/title>/);
  });

  it('has other colours for a dark page', () => {
    const { light, dark } = drawChart(chart);
    assert.notEqual(light, dark);
    assert.doesNotMatch(dark, /#1f2328/);
  });
});
