import assert from 'node:assert/strict';
import { innerBody, resourceBody, valueAt } from '../../tools/terraform/blocks.ts';
import { type Configuration, readConfiguration } from '../../tools/terraform/configuration.ts';
import { parseMetricFilter } from '../../tools/terraform/metric-filter.ts';
import { type Aggregation, type Metric, metricFaults, metricsOf } from '../../tools/terraform/metrics.ts';
import { defaultInstallation, render, type Scope } from '../../tools/terraform/render.ts';

const OURS = 'resource.labels.service_name';

describe('alerts and charts', () => {
  let configuration: Configuration;
  let metrics: Record<string, Metric>;
  let scope: Scope;

  before(async () => {
    configuration = await readConfiguration();
    metrics = metricsOf(configuration);
    scope = defaultInstallation(configuration);
  });

  const local = <T>(name: string) => configuration.locals[name] as T;
  const alert = () => resourceBody(configuration, 'google_monitoring_alert_policy.alert');

  interface Tile extends Aggregation {
    title: string;
    filter: string;
  }

  it('chart metrics that exist, by labels that they have, in a way that fits them', () => {
    for (const tile of local<Tile[]>('dashboard_tiles')) {
      const filter = parseMetricFilter(render(tile.filter, configuration, scope));
      assert.deepEqual(metricFaults(filter, tile, metrics), [], tile.title);
    }
  });

  it('chart our functions only, and our dead letters', () => {
    for (const tile of local<Tile[]>('dashboard_tiles')) {
      const { labels } = parseMetricFilter(render(tile.filter, configuration, scope));
      const expected = tile.title.startsWith('Dead letters')
        ? { 'resource.labels.subscription_id': ['cdc-dead-letter-kept'] }
        : { [OURS]: ['extract', 'merge', 'stream'] };
      assert.deepEqual(labels, expected, tile.title);
    }
    assert.equal(
      local('function_services'),
      `\${[for function in keys(local.functions) : "\\"\${function}\${local.suffix}\\""]}`,
    );
  });

  it('chart without zeros and empty lists, which the API drops and every plan would add again', () => {
    const json = String(resourceBody(configuration, 'google_monitoring_dashboard.overview').dashboard_json);

    assert.match(json, /: name => position if position > 0 \}/);
    assert.match(json, /: name => fields if length\(fields\) > 0 \}/);
    assert.doesNotMatch(json, /= (0|""|null|false|\[\]|\{\})[\s,}]/);
  });

  it('chart every metric on log lines that no alert is made of', () => {
    const charted = local<Tile[]>('dashboard_tiles').map(
      ({ filter }) => parseMetricFilter(render(filter, configuration, scope)).metric,
    );
    const alerting = Object.values(local<Record<string, { metric: string }>>('absence_alerts'));
    const names = Object.keys(local<object>('log_metrics'));

    const unused = names.filter(
      (name) =>
        !charted.includes(`logging.googleapis.com/user/cdc_${name}`) &&
        !alerting.some(({ metric }) => metric === name),
    );
    assert.deepEqual(unused, []);
  });

  it('alert on more of a metric that exists than is allowed, and on none of it never', () => {
    for (const [name, { filter }] of Object.entries(local<Record<string, Tile>>('count_alerts'))) {
      const condition = innerBody(innerBody(alert(), 'conditions'), 'condition_threshold');
      const { per_series_aligner, cross_series_reducer, alignment_period } = innerBody(
        condition,
        'aggregations',
      );
      const how = { aligner: String(per_series_aligner), reducer: String(cross_series_reducer), by: [] };
      const parsed = parseMetricFilter(render(filter, configuration, scope));

      assert.deepEqual(metricFaults(parsed, how, metrics), [], name);
      assert.deepEqual(parsed.labels[OURS], ['extract', 'merge', 'stream'], name);
      assert.deepEqual(how, { aligner: 'ALIGN_SUM', reducer: 'REDUCE_SUM', by: [] });
      assert.equal(alignment_period, `\${condition_threshold.value.minutes * 60}s`);
      assert.partialDeepStrictEqual(condition, {
        filter: `\${condition_threshold.value.filter}`,
        comparison: 'COMPARISON_GT',
        threshold_value: `\${condition_threshold.value.above}`,
        duration: '60s',
        evaluation_missing_data: 'EVALUATION_MISSING_DATA_INACTIVE',
      });
    }
  });

  it('count failures of the functions that are theirs, not the caller’s', () => {
    const { filter } = local<Record<string, Tile>>('count_alerts').function_errors ?? { filter: '' };

    const { metric, labels } = parseMetricFilter(render(filter, configuration, scope));

    assert.equal(metric, 'run.googleapis.com/request_count');
    assert.deepEqual(labels['metric.labels.response_code_class'], ['5xx']);
  });

  it('alert on what does not come, also where it never came and before its metric is known', () => {
    const condition = innerBody(innerBody(alert(), 'conditions'), 'condition_prometheus_query_language');
    const absent = local<Record<string, { metric: string; minutes: string }>>('absence_alerts');

    for (const [name, { metric }] of Object.entries(absent)) {
      const query = render(String(condition.query), configuration, {
        ...scope,
        'condition_prometheus_query_language.value.metric': metric,
      });
      const [, selected = '', resource, minutes] =
        /^\(sum\(increase\(\{"([^"]+)", monitored_resource="(\w+)"\}\[(\d+)m\]\)\) or vector\(0\)\) <= 0$/.exec(
          query,
        ) ?? [];
      assert.equal(metrics[selected]?.valueType, 'INT64', `${name}: ${query}`);
      assert.equal(metrics[selected]?.resource, resource);
      assert.equal(minutes, '15');
    }
    assert.equal(
      condition.duration,
      `\${(condition_prometheus_query_language.value.minutes - local.absence_window_minutes) * 60}s`,
    );
    assert.equal(condition.disable_metric_validation, true);
    assert.deepEqual(
      Object.entries(absent).map(([name, { metric, minutes }]) => [name, metric, minutes]),
      [
        ['no_applied_batch', 'signs_of_life', `\${local.alert_after.no_applied_minutes}`],
        ['no_tick', 'looked_at_views', `\${local.alert_after.no_tick_minutes}`],
      ],
    );
  });

  it('have one condition each, chosen by the name of the alert, and reach every channel', () => {
    const { dynamic } = innerBody(alert(), 'conditions') as {
      dynamic: Record<string, [{ for_each: string }]>;
    };
    const lists = Object.entries(dynamic).map(([block, [{ for_each }]]) => [block, for_each]);
    const one = (list: string) => `\${[for name, alert in local.${list} : alert if name == each.key]}`;

    assert.deepEqual(Object.fromEntries(lists), {
      condition_matched_log: one('log_alerts'),
      condition_threshold: one('count_alerts'),
      condition_prometheus_query_language: one('absence_alerts'),
    });
    assert.partialDeepStrictEqual(alert(), {
      for_each: `\${local.alerts}`,
      combiner: 'OR',
      severity: `\${each.value.severity}`,
      notification_channels: `\${local.channels}`,
    });
    assert.equal(
      local('channels'),
      `\${concat([for channel in google_monitoring_notification_channel.email : channel.id], var.alert_channels)}`,
    );
    assert.equal(
      resourceBody(configuration, 'google_monitoring_notification_channel.email').for_each,
      `\${var.alert_emails}`,
    );
    for (const list of ['log_alerts', 'count_alerts', 'absence_alerts']) {
      assert.match(String(local('alerts')), new RegExp(`local\\.${list}\\b`));
      for (const { severity } of Object.values(local<Record<string, { severity: string }>>(list)))
        assert.ok(['ERROR', 'WARNING'].includes(severity), severity);
    }
    assert.equal(
      valueAt(alert(), 'conditions.condition_matched_log.filter'),
      `\${local.log_scope} AND \${condition_matched_log.value.filter}`,
    );
  });

  describe('would be seen to', () => {
    const SUM: Aggregation = { aligner: 'ALIGN_SUM', reducer: 'REDUCE_SUM', by: [] };
    const RUN = 'resource.type="cloud_run_revision" AND metric.type="run.googleapis.com/request_count"';
    const FAULTS: [what: string, filter: string, how: Aggregation, fault: RegExp][] = [
      [
        'ask for a metric that does not exist',
        RUN.replace('_count', 's_count'),
        SUM,
        /^there is no metric run\.googleapis\.com\/requests_count$/,
      ],
      [
        'ask for another resource',
        RUN.replace('_revision', '_job'),
        SUM,
        /request_count is not of cloud_run_job$/,
      ],
      [
        'ask for a label that a metric does not have',
        `${RUN} AND metric.labels.response_class="5xx"`,
        SUM,
        /has no metric\.labels\.response_class$/,
      ],
      [
        'ask for a value that a label never has',
        `${RUN} AND metric.labels.response_code_class="5XX"`,
        SUM,
        /^metric\.labels\.response_code_class is never 5XX$/,
      ],
      [
        'group by a label that does not exist',
        RUN,
        { ...SUM, by: ['resource.label.service'] },
        /has no resource\.label\.service$/,
      ],
      [
        'use an aligner that does not exist',
        RUN,
        { ...SUM, aligner: 'ALIGN_TOTAL' },
        /^ALIGN_TOTAL is not for INT64/,
      ],
      [
        'use an aligner that is for others',
        RUN,
        { ...SUM, aligner: 'ALIGN_PERCENTILE_99' },
        /^ALIGN_PERCENTILE_99 is not for INT64/,
      ],
      [
        'use a reducer that does not exist',
        RUN,
        { ...SUM, reducer: 'REDUCE_ALL' },
        /^there is no REDUCE_ALL$/,
      ],
    ];
    for (const [what, filter, how, fault] of FAULTS) {
      it(what, () => {
        const [found, ...others] = metricFaults(parseMetricFilter(filter), how, metrics);

        assert.match(found ?? 'not seen', fault);
        assert.deepEqual(others, []);
      });
    }

    it('have a filter that is none', () => {
      for (const filter of [`${RUN} OR a="b"`, `${RUN} AND`, 'metric.type="m"', `${RUN} AND ${RUN}`]) {
        assert.throws(() => parseMetricFilter(filter), Error, filter);
      }
    });
  });
});
