import assert from 'node:assert/strict';
import { readLocals } from '../../tools/terraform/configuration.ts';
import { parseMetricFilter } from '../../tools/terraform/metric-filter.ts';
import { type Aggregation, metricProblems, metricsOf } from '../../tools/terraform/metrics.ts';
import { render } from '../../tools/terraform/render.ts';

/** log-filters.long.test.ts tests the filters on log lines; terraform/tests check Terraform's plans. */
describe('the metrics of alerts and charts', () => {
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

  it('exist, have the labels that charts group by, and are aligned as their values allow', () => {
    for (const { name, filter, ...how } of used) {
      const parsed = parseMetricFilter(render(filter, locals));
      assert.deepEqual(metricProblems(parsed, how, metricsOf(locals)), [], name);
    }
  });

  it('are counters if an alert reports their absence', () => {
    assert.ok(absences.length > 0);
    for (const { metric } of absences) assert.equal(ofLogs[metric]?.value, null, metric);
  });

  it('are each used by a chart or an alert', () => {
    const waitedFor = absences.map(({ metric }) => metric);
    const unused = Object.keys(ofLogs).filter(
      (name) => !waitedFor.includes(name) && !used.some(({ filter }) => filter.includes(`metric["${name}"]`)),
    );

    assert.deepEqual(unused, []);
  });

  const RUN = 'resource.type="cloud_run_revision" AND metric.type="run.googleapis.com/request_count"';
  const SUM: Aggregation = { aligner: 'ALIGN_SUM', by: [] };
  const WRONG: [filter: string, how: Aggregation, problem: RegExp][] = [
    [RUN.replace('_count', 's_count'), SUM, /^there is no metric/],
    [RUN.replace('_revision', '_job'), SUM, /is not a metric of cloud_run_job$/],
    [`${RUN} AND metric.labels.class="5xx"`, SUM, /has no label metric\.labels\.class$/],
    [RUN, { ...SUM, by: ['resource.label.service'] }, /has no label resource\.label\.service$/],
    [RUN, { ...SUM, aligner: 'ALIGN_PERCENTILE_99' }, /does not apply to INT64/],
  ];
  for (const [filter, how, problem] of WRONG) {
    it(`are refused: ${filter}, ${JSON.stringify(how)}`, () => {
      const problems = metricProblems(parseMetricFilter(filter), how, metricsOf(locals));

      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', problem);
    });
  }

  for (const filter of [`${RUN} OR a="b"`, `${RUN} AND`, 'metric.type="m"', `${RUN} AND ${RUN}`]) {
    it(`are refused as malformed: ${filter}`, () => {
      assert.throws(() => parseMetricFilter(filter), /cannot be read|must name one metric/);
    });
  }
});
