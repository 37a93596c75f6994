import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import type { OpenFailure, ViewStatus } from '../../../shared/control/status.ts';
import { DataHubError, type ErrorKind } from '../../../shared/errors.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const PROJECT = 'pmr_project';
const SITE = 'pmr_site';

type Status = { views: ViewStatus[]; failures: OpenFailure[]; failuresInAll: number };

describe('the status', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });

  const ask = async (payload: object): Promise<Record<string, unknown>> => ({
    ...(await dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies)),
  });
  const status = async (view?: string) =>
    (await ask({ status: true, ...(view !== undefined && { view }) })) as Status;

  describe('of a view', () => {
    const viewStatus = async (view = PROJECT): Promise<ViewStatus> => {
      const [found] = (await status(view)).views;
      assert.ok(found);
      return found;
    };

    it('counts log rows without a valid key, with a warning whenever there are more', async () => {
      const sink = on.captureLog();
      const logBadKey = () =>
        on.source.database.query(
          `insert into models_logging_change (content_type_id, object_id, action, changed_data, date_created)
           select content_type_id, 'abc', 'changed', '{"name": {}}', now() from models_logging_change order by id limit 1`,
        );
      await on.source.add('app_project', { id: 1, name: 'one' });
      await on.replicate();
      assert.equal((await viewStatus()).badKeys, '0');

      await logBadKey();
      await logBadKey();
      await on.extract();
      assert.equal((await viewStatus()).badKeys, '2');
      await on.extract();
      await logBadKey();
      await on.source.change('app_project', 1, { name: 'changed' });
      const batch = await on.replicate();

      assert.equal((await viewStatus()).badKeys, '3');
      const warnings = sink.records().filter(({ message }) => message === 'bad keys skipped');
      assert.equal(warnings.length, 2);
      assert.partialDeepStrictEqual(warnings, [
        { severity: 'WARNING', view: PROJECT, badKeys: '2' },
        { severity: 'WARNING', view: PROJECT, badKeys: '1', etlTransactionId: batch.etlTransactionId },
      ]);
      await on.assertEqual();
    });
  });

  describe('of failures', () => {
    const fail = (kind: ErrorKind, view?: string) =>
      on.dependencies.control.failures.record({
        functionName: 'extract',
        event: {},
        error: new DataHubError(kind, 'x', { context: view === undefined ? {} : { view } }),
      });
    const ids = async (view?: string) => (await status(view)).failures.map(({ id }) => id);

    it('I8 shows the newest of more than a hundred first, and how many there are in all', async () => {
      for (let n = 0; n < 102; n += 1) await fail('invalid_event');

      const { failures, failuresInAll } = await status();

      assert.deepEqual(
        failures.map(({ id }) => id),
        Array.from({ length: 50 }, (_, i) => String(102 - i)),
      );
      assert.equal(failuresInAll, 102);
    });

    it('I8 shows a failure that halts a view before all others, however many came later', async () => {
      await on.source.add('app_project', { id: 1, name: 'one', share: 'NaN' });
      await assert.rejects(on.extract(), { kind: 'bad_data' });
      for (let n = 0; n < 60; n += 1) await fail('invalid_event');

      const { failures } = await status();

      assert.partialDeepStrictEqual(failures[0], {
        id: '1',
        view: PROJECT,
        kind: 'bad_data',
        haltsView: true,
      });
      assert.equal(failures[1]?.haltsView, false);
      assert.equal(failures[1]?.id, '61');
    });

    it('counts only the failures of the view that it is asked for', async () => {
      await fail('invalid_event', PROJECT);
      await fail('invalid_event', SITE);

      assert.deepEqual(
        [(await status(SITE)).failuresInAll, await ids(SITE), (await status()).failuresInAll],
        [1, ['2'], 2],
      );
    });

    it('is emptied by kind, by view, or by both', async () => {
      for (const view of [PROJECT, SITE, undefined]) {
        await fail('invalid_event', view);
        await fail('unauthorized', view);
      }

      const both = await ask({ view: SITE, resolve: 'invalid_event' });
      assert.deepEqual(both, { outcome: 'resolved', failures: ['3'] });
      assert.deepEqual(await ask({ view: PROJECT, resolve: true }), {
        outcome: 'resolved',
        failures: ['1', '2'],
      });
      assert.deepEqual(await ask({ resolve: 'invalid_event' }), { outcome: 'resolved', failures: ['5'] });

      assert.deepEqual(await ids(), ['6', '4']);
      await assert.rejects(ask({ resolve: true }), { kind: 'invalid_event' });
      await assert.rejects(ask({ resolve: 'invalid_evnt' }), { kind: 'invalid_event' });
      await assert.rejects(ask({ view: 'x', resolve: true }), { kind: 'invalid_event' });
    });
  });
});
