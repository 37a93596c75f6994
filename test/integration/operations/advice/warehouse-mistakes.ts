import { type Installation, STREAMED_ENTRY } from '../../../support/installation.ts';
import { type Mistake, PROJECT_VIEW, requestResync, sql } from './mistake.ts';

/** What a first load of another control database does. */
const ofAnotherInstallation = (on: Installation, target: string) =>
  on.bigquery
    .dataset('SMartDataAnalytics')
    .table(target)
    .setMetadata({ labels: { smart_datahub_installation: '00000000-0000-4000-8000-000000000000' } });

/** What somebody does to the warehouse or its rows. */
export const WAREHOUSE_MISTAKES: Record<string, Mistake> = {
  'a target with newer batch ids: redrive': {
    whenApplied: true,
    mistake: (on) => on.query(`update ${on.targetTable()} set etl_transaction_id = 999999 where true`),
    advice: /newer batch ids.* redrive the view/,
  },
  'a ledger with a newer batch: resync': {
    whenApplied: true,
    mistake: (on) =>
      on.query(`insert into ${on.ledger()} (view, etl_transaction_id, added, changed, deleted, applied_at)
        values ('pmr_project', 999999, 0, 0, 0, current_timestamp())`),
    advice: /newer batch.* resync the view/,
  },
  'a temp table with a row twice: redrive': {
    whenApplied: true,
    mistake: (on) => on.query(`insert into ${on.tempTable()} select * from ${on.tempTable()}`),
    advice: /temp table.* redrive the view/,
  },
  'a target that another installation took over: resync': {
    mistake: (on) => ofAnotherInstallation(on, 'project'),
    advice: /stop the other installation.*?then send \{.*?\}/,
  },
  'a target that another installation took over before a staged batch was merged: resync': {
    whenApplied: true,
    mistake: (on) => ofAnotherInstallation(on, 'project'),
    advice: /stop the other installation.*?then send \{.*?\}/,
  },
  'a target that another installation took over before a staged batch was streamed: resync': {
    view: STREAMED_ENTRY.name,
    whenApplied: true,
    mistake: (on) => ofAnotherInstallation(on, 'incident'),
    advice: /stop the other installation.*?then send \{.*?\}/,
  },
  'a target with the former id of its own installation: the id, then resume': {
    mistake: (on) => ofAnotherInstallation(on, 'project'),
    advice: /run in the control database: .*?then send \{.*?\}/,
  },
  'a target with the former id of its own installation before a staged batch was merged: the id, then resume':
    {
      whenApplied: true,
      mistake: (on) => ofAnotherInstallation(on, 'project'),
      advice: /run in the control database: .*?then send \{.*?\}/,
    },
  'a ledger that lost its rows: resync': {
    whenApplied: true,
    mistake: (on) => on.query(`delete from ${on.ledger()} where true`),
    advice: /Or resync every merged view/,
  },
  'a ledger that is gone: resync': {
    mistake: (on) => on.query(`drop table ${on.ledger()}`),
    advice: /Or resync every merged view/,
  },
  'a target that is gone: resync': {
    mistake: (on) => on.query(`drop table ${on.targetTable()}`),
    advice: /Or resync the view/,
  },
  'a target with a column of somebody else: drop it, then resume': {
    mistake: (on) => on.query(`alter table ${on.targetTable()} add column comment string`),
    advice: /run: alter table .* drop column `comment`; Then resume the view/,
  },
  'another table in the place of the target: drop it, then resync': {
    mistake: (on) =>
      on.query(
        `create or replace table ${on.targetTable()} cluster by project_id as select 1 as project_id, 'x' as name, false as is_deleted, 1 as etl_transaction_id`,
      ),
    advice: /Or run: drop table .* resync the view/,
  },
  'a streamed target that is gone: resync': {
    view: STREAMED_ENTRY.name,
    mistake: (on) => on.query(`drop table ${on.targetTable('incident')}`),
    advice: /resync the view/i,
  },
  'a temp table that is gone: resync, then redrive': {
    whenApplied: true,
    mistake: (on) => on.query(`drop table ${on.tempTable()}`),
    advice: /a resync creates.*redrive the view/,
  },
  'a row that is too large for the Write API: make it smaller, then resume': {
    view: STREAMED_ENTRY.name,
    mistake: (on) => on.source.change('app_incident', 1, { owner: 'x'.repeat(19_000_001) }),
    byHand: (on) => on.source.change('app_incident', 1, { owner: 'x' }),
    advice: /Make the row smaller.*Then send \{.*?\}/,
  },
  'a resync that would delete all rows: accept the deletes': {
    mistake: async (on) => {
      await sql(on, 'delete from app_project');
      await requestResync(on);
    },
    advice: /If the others are really gone, send \{.*?\}/,
  },
  'a resync that would delete all rows: correct the view, then the payload': {
    mistake: async (on) => {
      await sql(on, PROJECT_VIEW.replace('not p.is_dummy', 'false'));
      await requestResync(on);
    },
    byHand: (on) => sql(on, PROJECT_VIEW),
    advice: /If not, correct the view, then send \{.*?\}/,
  },
  'a target that lost a column after the batch was staged: redrive': {
    whenApplied: true,
    mistake: (on) => on.query(`alter table ${on.targetTable()} drop column name`),
    advice: /undo that\. Then redrive the view/,
    needsTick: true,
  },
  'a streamed target that lost a column after the batch was staged: the payload': {
    view: STREAMED_ENTRY.name,
    whenApplied: true,
    mistake: (on) => on.query(`alter table ${on.targetTable('incident')} drop column severity`),
    advice: /Send \{.*?\}/,
  },
  'a procedure that somebody replaced: redrive': {
    whenApplied: true,
    mistake: (on) =>
      on.query(
        `create or replace procedure ${on.targetTable().replace('.project', '.merge_project')}(batch_id int64, batch_rows int64) begin end`,
      ),
    advice: /Send \{.*?\}: the procedure is made again/,
  },
  'a target with rows twice: the statement, then resync': {
    whenApplied: true,
    staged: async (on) => {
      await on.source.add('app_project', { id: 2, name: 'in no later batch' });
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'three' });
    },
    mistake: (on) => on.query(`insert into ${on.targetTable()} select * from ${on.targetTable()}`),
    advice: /Then run in BigQuery: delete from .*/,
  },
  'a complete batch that would delete all rows of a target: accept the deletes': {
    whenApplied: true,
    staged: async (on) => {
      await sql(on, `delete from app_project; insert into app_project (id, name) values (2, 'new')`);
      await requestResync(on);
    },
    byHand: (on) => sql(on, `insert into app_project (id, name) values (1, 'one')`),
    advice: /If the others are really gone, send \{.*?\}/,
  },
  'a topic that is gone: create it, then redrive': {
    mistake: (on) => on.parts.pubsub.topic('cdc-merge').delete(),
    byHand: (on) => on.parts.pubsub.createTopic('cdc-merge'),
    advice: /terraform apply creates datasets, bucket and topics.*redrive the view/,
  },
};
