import { type Installation, PROJECT_ENTRY } from '../../../support/installation.ts';
import { setProject } from './mistake.ts';

/** A call by hand that is refused, which changes nothing. */
type Refusal = {
  /** Makes the call one that is refused. */
  prepare?: (on: Installation) => Promise<unknown>;
  payload: object;
  /** The part of the advice that is followed. */
  advice: RegExp;
  /** The call as it is after a person followed the advice, if the advice has no payload. */
  after?: object;
};

const view = 'pmr_project';

/** Calls that are refused, and what gets them through. */
export const REFUSALS: Record<string, Refusal> = {
  'an operation on a view that does not exist: a name that the advice lists': {
    payload: { view: 'pmr_projects', resume: true },
    advice: /The configuration has: pmr_project/,
    after: { view, resume: true },
  },
  'to purge another view than is confirmed: the payload': {
    payload: { view, purgeDeletedBefore: '2026-01-01T00:00:00Z', confirm: 'project' },
    advice: /send \{.*\}/,
  },
  'to pause a view until a time that has passed: a later time': {
    payload: { view, pause: true, until: '2026-01-31T08:00:00Z' },
    advice: /Name a later time/,
    after: { view, pause: true, until: '2126-01-31T08:00:00Z' },
  },
  'the load type that a view has: a resync': {
    payload: { view, loadType: 'merge', target: 'another' },
    advice: /A resync loads the whole view again/,
    after: { view, resync: true },
  },
  'keys that are none: without them': {
    payload: { view, keys: ['one', '1'] },
    advice: /Leave these keys out/,
    after: { view, keys: ['1'] },
  },
  'to redrive a failure that does not exist: the status': {
    payload: { redrive: [999] },
    advice: /Call \{.*?\}/,
  },
  'to resolve a failure that does not exist: the status': {
    payload: { resolve: [999] },
    advice: /Call \{.*?\}/,
  },
  'a payload of another form: the form': {
    payload: { view, recheck: 'yesterday' },
    advice: /Send \{.*\}/,
    after: { view, recheck: '2026-01-31T08:00:00Z' },
  },
  'to import a view into the target of another: another target': {
    payload: {
      import: [
        {
          ...PROJECT_ENTRY,
          name: 'pmr_site',
          main_table: 'app_site',
          model: 'site',
          key_column: 'site_id',
          lookups: [],
        },
      ],
    },
    advice: /Choose another target_name/,
    after: {
      import: [
        {
          ...PROJECT_ENTRY,
          name: 'pmr_site',
          target_name: 'site',
          main_table: 'app_site',
          model: 'site',
          key_column: 'site_id',
          lookups: [],
        },
      ],
    },
  },
  'a name that no JSON has: another name': {
    payload: {
      import: [{ ...PROJECT_ENTRY, unrepresentable: JSON.parse('{"__proto__":"null"}') as object }],
    },
    advice: /Rename the column in the view/,
    after: { import: [PROJECT_ENTRY] },
  },
  'to purge a target that does not exist: nothing': {
    prepare: (on) => on.query(`drop table ${on.targetTable()}`),
    payload: { view, purgeDeletedBefore: '2026-01-01T00:00:00Z' },
    advice: /nothing to purge/,
    after: { status: true },
  },
  'to import another layout of a frozen view: with columns that evolve': {
    prepare: (on) => setProject(on, { column_changes: 'freeze' }),
    payload: {
      import: [
        {
          ...PROJECT_ENTRY,
          column_changes: 'freeze',
          partition_column: 'opened',
          partition_granularity: 'month',
        },
      ],
    },
    advice: /import the view with "column_changes": "evolve"/,
    after: {
      import: [
        {
          ...PROJECT_ENTRY,
          column_changes: 'evolve',
          partition_column: 'opened',
          partition_granularity: 'month',
        },
      ],
    },
  },
  'a target of another view: another name': {
    payload: { view, loadType: 'bq-storage-api', target: 'incident' },
    advice: /Choose another name for the new target/,
    after: { view, loadType: 'bq-storage-api', target: 'project_2' },
  },
  'to forget another view than is confirmed: the payload': {
    payload: { view, forget: true, confirm: 'project' },
    advice: /send \{.*\}/,
  },
};
