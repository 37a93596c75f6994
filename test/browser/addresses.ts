import { ACTIONS } from '../../functions/admin/actions/actions.ts';
import type { Installation } from '../support/installation.ts';

/** An address of the page; `status` is 200 unless it is given. */
export type Address = { path: string; status?: number };

/** Addresses of each route that answers a GET, by the path of the route. */
export type Addresses = Record<string, Address[]>;

/** Of each view whose page has something that the others have not. */
const SHOWN_VIEWS = [
  'pmr_project',
  'xyz_incident',
  'pmr_halted',
  'pmr_new',
  'pmr_retrying',
  'pmr_unfinished',
];

/** What a filled installation has, for the addresses of details. */
async function foundIn({ control }: Installation) {
  const one = async (sql: string): Promise<string> => (await control.query(sql)).rows[0]?.found ?? '';
  const batch = (condition: string) =>
    one(`select max(id)::text as found from etl.etl_transaction where ${condition}`);
  const check = (condition: string) =>
    one(`select max(id)::text as found from etl.consistency_check where ${condition}`);
  return {
    merged: await batch(`view_name = 'pmr_project'`),
    streamed: await batch(`view_name = 'xyz_incident'`),
    withPolicies: await batch(`policy_values <> '{}'`),
    failed: await batch(`state = 'failed'`),
    unfinished: await batch(`state = 'applying'`),
    differing: await check('is_consistent = false'),
    equal: await check('is_consistent'),
    comparing: await check(`state = 'comparing'`),
    unanswered: await check(`state = 'failed'`),
    group: await one(
      `select md5(concat_ws(chr(31), kind, coalesce(code, ''), function_name, reason)) as found from etl.etl_error where code = 'quotaExceeded'`,
    ),
    halting: await one('select max(id)::text as found from etl.etl_error where halts_view'),
    resolved: await one('select max(id)::text as found from etl.etl_error where resolved_at is not null'),
    done: await one(`select max(id)::text as found from etl.audit where outcome is not null`),
    refused: await one('select max(id)::text as found from etl.audit where error is not null'),
    running: await one('select max(id)::text as found from etl.audit where ended_at is null'),
  };
}

/** Addresses of every page of a filled installation, whose details differ in what they show. */
export async function addressesIn(on: Installation): Promise<Addresses> {
  const found = await foundIn(on);
  const of = (...paths: string[]): Address[] => paths.map((path) => ({ path }));
  const missing = (path: string): Address => ({ path, status: 404 });
  const invalid = (path: string): Address => ({ path, status: 400 });
  return {
    '/': of('/'),
    '/transactions': [
      ...of(
        '/transactions',
        '/transactions?view=pmr_halted&state=failed&kind=incremental',
        '/transactions?view=pmr_site&state=failed',
      ),
      ...of('/transactions?view=pmr_project&key=1'),
      invalid('/transactions?state=gone'),
    ],
    '/transactions/:id': [
      ...of(
        ...[found.merged, found.streamed, found.withPolicies, found.failed, found.unfinished].map(
          (id) => `/transactions/${id}`,
        ),
      ),
      missing('/transactions/999999'),
    ],
    '/failures': of(
      '/failures',
      '/failures?status=resolved',
      '/failures?kind=bug',
      `/failures?group=${found.group}`,
    ),
    '/failures/:id': [
      ...of(`/failures/${found.halting}`, `/failures/${found.resolved}`),
      missing('/failures/999999'),
    ],
    '/consistency': of('/consistency', '/consistency?view=pmr_project', '/consistency?view=pmr_new'),
    '/consistency/:id': [
      ...of(
        ...[found.differing, found.equal, found.comparing, found.unanswered].map(
          (id) => `/consistency/${id}`,
        ),
      ),
      missing('/consistency/999999'),
    ],
    '/report': of('/report'),
    '/report/:day': [...of('/report/2026-01-02'), invalid('/report/yesterday')],
    '/views/:name': [...of(...SHOWN_VIEWS.map((view) => `/views/${view}`)), missing('/views/nothing')],
    '/views/:name/row': of(
      '/views/pmr_project/row',
      ...['1', '2', '99'].map((key) => `/views/pmr_project/row?key=${key}`),
    ),
    '/sources': of('/sources'),
    '/sources/import': of('/sources/import', '/sources/import?sample=smartapp'),
    '/sources/new': of('/sources/new', '/sources/new?view=app_project', '/sources/new?view=xyz_incident'),
    '/views/:name/source': [
      ...of('/views/pmr_project/source', '/views/xyz_incident/source'),
      missing('/views/nothing/source'),
    ],
    '/audit': of('/audit', '/audit?action=pause', '/audit?by=nobody'),
    '/audit/:id': [
      ...of(...[found.done, found.refused, found.running].map((id) => `/audit/${id}`)),
      missing('/audit/999999'),
    ],
    ...Object.fromEntries(ACTIONS.map(({ path }) => [`/views/:view/${path}`, actionAddresses(path)])),
  };
}

/** Of a view that is as it should be, and of one that is halted, if that changes what is possible. */
const actionAddresses = (action: string): Address[] =>
  (['run', 'resume', 'redrive'].includes(action) ? ['pmr_project', 'pmr_halted'] : ['pmr_project']).map(
    (view) => ({
      path: `/views/${view}/${action}`,
    }),
  );

/** What is saved instead of shown. */
export const DOWNLOADS = ['/transactions.csv', '/sources/export'];

/** The routes that only operators may open. */
export const FOR_OPERATORS = [
  '/views/:name/row',
  '/sources/import',
  '/sources/new',
  '/views/:name/source',
  ...ACTIONS.map(({ path }) => `/views/:view/${path}`),
];
