import assert from 'node:assert/strict';
import { type Installation, STREAMED_ENTRY, type Staged } from '../../../support/installation.ts';
import { pageByPage } from '../../../support/page-by-page.ts';
import { leaveJob, leaveObjects } from './leave-as-before.ts';

export const MERGED = 'pmr_project';
export const STREAMED = STREAMED_ENTRY.name;
const OPENED = '2026-01-02T03:04:00Z';

/** A batch of the recording. */
export type Scenario = {
  view: string;
  /** Stages the batch of the recording, with the functions of today. */
  stage: (on: Installation) => Promise<Staged>;
  /** What the recorded functions have left of it, by the state of the batch. */
  states: Record<
    string,
    (on: Installation, setState: (state: string) => Promise<unknown>) => Promise<unknown>
  >;
  /** The states in which a batch is in flight no more, or not yet announced: no order matters. */
  ended?: string[];
};

export const MERGED_SCENARIOS: Record<string, Scenario> = {
  'changes of a merged view': {
    view: MERGED,
    async stage(on) {
      await on.source.add(
        'app_project',
        { id: 1, name: 'one' },
        { id: 2, name: 'two' },
        { id: 3, name: 'three' },
      );
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.source.delete('app_project', 2);
      return await on.stage();
    },
    states: {
      'is being extracted': (_, setState) => setState('extracting'),
      'is staged': async () => undefined,
      'is staged, and whose load outlived its function': (on) =>
        on.control.query('update etl.etl_transaction set load_job_id = null where id = 2'),
      'is staged, and whose rows are gone from the temp table': (on) =>
        on.query(`truncate table ${on.tempTable()}`),
      'is being applied': (_, setState) => setState('applying'),
      'is merged, but not recorded as applied': async (on, setState) => {
        await setState('applying');
        await leaveJob(on, 'merge_SMartDataAnalytics_pmr_project_2_1', MERGED);
      },
      'is applied': async (on) => {
        await leaveJob(on, 'merge_SMartDataAnalytics_pmr_project_2_1', MERGED);
        await on.merge({ view: MERGED, etlTransactionId: '2' });
      },
      failed: async (on, setState) => {
        await setState('failed');
        await on.dependencies.control.viewStops.halt(MERGED, 'failed');
      },
      'was abandoned': (_, setState) => setState('abandoned'),
    },
    ended: ['is applied', 'failed', 'was abandoned'],
  },
  'the first load of a merged view': {
    view: MERGED,
    async stage(on) {
      await on.source.add(
        'app_project',
        { id: 1, name: 'one' },
        { id: 2, name: 'two' },
        { id: 3, name: 'three' },
      );
      const batch = await on.stage();
      await leaveObjects(on, 'pmr_project/1');
      const load = 'load_SMartDataAnalytics_pmr_project_1_1_1';
      await leaveJob(on, load, MERGED);
      await on.control.query('update etl.etl_transaction set load_job_id = $1', [load]);
      return batch;
    },
    states: {
      'is being extracted': (_, setState) => setState('extracting'),
      'is staged': async () => undefined,
      'is staged, and whose load outlived its function': (on) =>
        on.control.query('update etl.etl_transaction set load_job_id = null'),
      'is being applied': (_, setState) => setState('applying'),
      'is merged, but not recorded as applied': async (on, setState) => {
        await setState('applying');
        await leaveJob(on, 'merge_SMartDataAnalytics_pmr_project_1_1', MERGED);
      },
    },
  },
};

export const STREAMED_SCENARIOS: Record<string, Scenario> = {
  'changes of a streamed view': {
    view: STREAMED,
    async stage(on) {
      await addIncidents(on);
      await on.replicate(STREAMED);
      await on.source.database.query(`with added as (
          insert into app_incident (id, type, opened) select i, repeat('x', 4000), '${OPENED}' from generate_series(10, 59) i returning id)
        insert into models_logging_change (object_id, content_type_id, action) select id, 18, 'added' from added`);
      await on.source.change('app_incident', 1, { type: 'uno' });
      await on.source.delete('app_incident', 2);
      return await on.stage(STREAMED);
    },
    states: {
      'is being extracted': (_, setState) => setState('extracting'),
      'is staged': async () => undefined,
      'of which nothing is streamed yet': (_, setState) => setState('applying'),
      'is half streamed': async (on) => {
        const pausing = await pageByPage(on, 1024);
        assert.equal((await pausing.stream({ view: STREAMED, etlTransactionId: '2' })).outcome, 'continued');
        const [batch] = (await on.batches(STREAMED)).slice(-1);
        assert.ok(Number(batch?.streamed_rows) > 0 && Number(batch?.streamed_rows) < 52);
      },
      failed: async (on, setState) => {
        await setState('failed');
        await on.dependencies.control.viewStops.halt(STREAMED, 'failed');
      },
      'was abandoned': (_, setState) => setState('abandoned'),
    },
    ended: ['failed', 'was abandoned'],
  },
  'the first load of a streamed view': {
    view: STREAMED,
    async stage(on) {
      await addIncidents(on);
      return await on.stage(STREAMED);
    },
    states: {
      'is being extracted': (_, setState) => setState('extracting'),
      'is staged': async () => undefined,
      'is being applied': (_, setState) => setState('applying'),
      'is loaded, but not recorded as applied': async (on, setState) => {
        await setState('applying');
        await leaveJob(on, 'stream_SMartDataAnalytics_xyz_incident_1_1_1', STREAMED);
      },
    },
  },
};

export const addIncidents = (on: Installation) =>
  on.source.add(
    'app_incident',
    { id: 1, type: 'one', opened: OPENED },
    { id: 2, type: 'two', opened: OPENED },
    { id: 3, type: 'three', opened: OPENED },
  );
