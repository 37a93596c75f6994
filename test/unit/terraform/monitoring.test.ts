import assert from 'node:assert/strict';
import { readLocals } from '../../tools/terraform/configuration.ts';
import { parseMetricFilter } from '../../tools/terraform/metric-filter.ts';
import { type Aggregation, metricFaults, metricsOf } from '../../tools/terraform/metrics.ts';
import { render } from '../../tools/terraform/render.ts';

/** The filters on log lines are tested in log-filters.test.ts, what Terraform makes of all of them in terraform/tests. */
describe('metrics of alerts and charts', () => {
  let locals: Record<string, unknown>;
  let used: (Aggregation & { name: string; filter: string })[];
  let ofLogs: Record<string, { value: string | null }>;
  let absences: { metric: string }[];

  before(async () => {
    locals = await readLocals();
    const tiles = locals.dashboard_tiles as (Aggregation & { title: string; filter: string })[];
    const counts = Object.entries(locals.count_alerts as Record<string, { filter: string }>);
    used = [
      ...tiles.map((tile) => ({ ...tile, name: tile.title })),
      ...counts.map(([name, { filter }]) => ({ name, filter, aligner: 'ALIGN_SUM', by: [] })),
    ];
    ofLogs = locals.log_metrics as typeof ofLogs;
    absences = Object.values(locals.absence_alerts as Record<string, { metric: string }>);
  });

  it('exist, with the labels that they are charted by, aligned as their values allow', () => {
    for (const { name, filter, ...how } of used) {
      const parsed = parseMetricFilter(render(filter, locals));
      assert.deepEqual(metricFaults(parsed, how, metricsOf(locals)), [], name);
    }
  });

  it('count log lines where an alert waits for them', () => {
    assert.ok(absences.length > 0);
    for (const { metric } of absences) assert.equal(ofLogs[metric]?.value, null, metric);
  });

  it('are all charted, or waited for', () => {
    const waitedFor = absences.map(({ metric }) => metric);
    const unused = Object.keys(ofLogs).filter(
      (name) => !waitedFor.includes(name) && !used.some(({ filter }) => filter.includes(`metric["${name}"]`)),
    );

    assert.deepEqual(unused, []);
  });

  const RUN = 'resource.type="cloud_run_revision" AND metric.type="run.googleapis.com/request_count"';
  const SUM: Aggregation = { aligner: 'ALIGN_SUM', by: [] };
  const WRONG: [filter: string, how: Aggregation, fault: RegExp][] = [
    [RUN.replace('_count', 's_count'), SUM, /^there is no metric/],
    [RUN.replace('_revision', '_job'), SUM, /is not of cloud_run_job$/],
    [`${RUN} AND metric.labels.class="5xx"`, SUM, /has no metric\.labels\.class$/],
    [RUN, { ...SUM, by: ['resource.label.service'] }, /has no resource\.label\.service$/],
    [RUN, { ...SUM, aligner: 'ALIGN_PERCENTILE_99' }, /is not for INT64/],
  ];
  for (const [filter, how, fault] of WRONG) {
    it(`are found wrong: ${filter}, ${JSON.stringify(how)}`, () => {
      const faults = metricFaults(parseMetricFilter(filter), how, metricsOf(locals));

      assert.equal(faults.length, 1);
      assert.match(faults[0] ?? '', fault);
    });
  }

  for (const filter of [`${RUN} OR a="b"`, `${RUN} AND`, 'metric.type="m"', `${RUN} AND ${RUN}`]) {
    it(`cannot be read from ${filter}`, () => {
      assert.throws(() => parseMetricFilter(filter), /cannot be read|is of one metric/);
    });
  }
});
