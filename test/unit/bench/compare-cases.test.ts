import assert from 'node:assert/strict';
import { compareCases } from '../../bench/compare-cases.ts';
import { limitOf } from '../../bench/limit-of.ts';
import { spreadOf } from '../../bench/spread.ts';
import { summarizeProfile } from '../../bench/summarize-profile.ts';

describe('the result of a bench', () => {
  const result = compareCases(1000, {
    work: [
      { seconds: 2, peakRssMb: 100, cpuSeconds: 1 },
      { seconds: 9, peakRssMb: 150, cpuSeconds: 3 },
      { seconds: 4, peakRssMb: 120, cpuSeconds: 2 },
    ],
    baseline: [{ seconds: 1 }, { seconds: 2 }, { seconds: 3 }],
  });

  it('has medians, their spread, the ratio to the baseline, and the highest peak', () => {
    const { cases, ...figures } = result;
    assert.deepEqual(figures, {
      rows: 1000,
      rounds: 3,
      rows_per_second: 250,
      baseline_rows_per_second: 500,
      ratio: 0.5,
      peak_rss_mb: 150,
    });
    assert.deepEqual(cases.work?.seconds, { median: 4, min: 2, max: 9 });
    assert.equal(cases.work?.cpu_seconds, 2);
    assert.equal(cases.baseline?.ratio, 1);
  });

  it('has null for what was not measured', () => {
    const { peak_rss_mb, cpu_seconds, server_cpu_seconds, limited_by } = result.cases.baseline ?? {};
    assert.deepEqual([peak_rss_mb, cpu_seconds, server_cpu_seconds, limited_by], [null, null, null, null]);
  });

  it('is none without a baseline, or without rounds', () => {
    assert.throws(() => compareCases(1, { work: [{ seconds: 1 }] }));
    assert.throws(() => compareCases(1, { work: [{ seconds: 1 }], baseline: [] }));
  });

  it('may name its baseline', () => {
    const named = compareCases(1, { hello: [{ seconds: 1 }], tick: [{ seconds: 4 }] }, 'hello');
    assert.equal(named.cases.tick?.ratio, 0.25);
  });
});

describe('what limited a case', () => {
  const limit = (seconds: number, [busy, cpu, server]: (number | null)[]) =>
    limitOf(
      { seconds, busySeconds: busy ?? null, cpuSeconds: cpu ?? null, serverCpuSeconds: server ?? null },
      2,
    );

  for (const [what, figures, expected] of [
    ['all cores', [0.9, 1.1, 0.8], 'the 2 cores'],
    ['the main thread', [0.85, 1.0, 0.5], 'the main thread'],
    ['PostgreSQL', [0.2, 0.3, 0.95], 'PostgreSQL'],
    ['nothing', [0.4, 0.5, 0.5], 'waiting'],
    ['what nobody measured', [null, null, null], null],
  ] as const) {
    it(`is told of ${what}`, () => assert.equal(limit(1, [...figures]), expected));
  }
});

describe('the median of rounds', () => {
  it('is that between the middle two of an even number', () => {
    assert.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  });
});

describe('the summary of a profile', () => {
  const frame = (id: number, functionName: string, url: string) => ({
    id,
    callFrame: { functionName, url, scriptId: '', lineNumber: 0, columnNumber: 0 },
  });

  it('shares out the time at work, without waiting and the profiler itself', () => {
    const places = summarizeProfile({
      startTime: 0,
      endTime: 0,
      nodes: [
        frame(1, '(idle)', ''),
        frame(2, 'post', 'node:inspector'),
        frame(3, 'decode', new URL('../../../shared/errors.ts', import.meta.url).href),
        frame(4, '', '/anywhere/node_modules/pg/lib/client.js'),
        frame(5, 'decode', new URL('../../../shared/errors.ts', import.meta.url).href),
      ],
      samples: [1, 2, 3, 4, 5],
      timeDeltas: [500, 500, 100, 100, 200],
    });
    assert.deepEqual(places, [
      { place: 'decode in shared/errors.ts', share: 0.75 },
      { place: '(anonymous) in pg/lib/client.js', share: 0.25 },
    ]);
  });
});
