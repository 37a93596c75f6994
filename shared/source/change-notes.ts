import type { Note } from './model-faults.ts';
import type { CalledFunction, ViewDefinition } from './view-definition.ts';

/** PostgreSQL's own functions that are no more volatile than a statement, but give other results later or to another session. */
const OF_THE_MOMENT = new Set([
  'now',
  'transaction_timestamp',
  'statement_timestamp',
  'current_setting',
  'current_schemas',
  'pg_current_snapshot',
  'pg_current_xact_id',
  'txid_current',
  'txid_current_snapshot',
]);

/** `age(x)` counts from today, `age(x, y)` does not. */
const changesByItself = ({ name, isBuiltIn, volatility, argumentCount }: CalledFunction): boolean =>
  volatility === 'v' || (isBuiltIn && (OF_THE_MOMENT.has(name) || (name === 'age' && argumentCount === 1)));

const OF_OTHER_ROWS = new Set(['an aggregate', 'a window function', 'LIMIT or OFFSET', 'DISTINCT ON']);

/** Whether a part of a definition (`ViewDefinition.parts`) makes a row depend on other rows. */
export const isOfOtherRows = (part: string): boolean => OF_OTHER_ROWS.has(part);

/** What the definition of a view says about changes of its rows that the log does not show (docs/configuration.md#what-the-log-does-not-show). */
export function changeNotes(name: string, { functions, parts, dependencies }: ViewDefinition): Note[] {
  const resync = `Schedule resyncs of the view: {"view":"${name}","resync":true}`;
  const note = (what: readonly string[], why: string, advice: string): Note[] =>
    what.length === 0 ? [] : [{ message: `view ${name} uses ${what.join(', ')}: ${why}`, advice }];
  const moving = functions.filter(changesByItself).map((each) => `${each.name}()`);
  const opaque = functions.filter(
    (each) => !each.isBuiltIn && (each.volatility !== 'i' || each.isText) && !changesByItself(each),
  );
  return [
    ...note(
      [...parts.filter((part) => !isOfOtherRows(part)), ...new Set(moving)],
      'its rows change without a write, and the log does not show it',
      `${resync}. Or show the plain columns and compute the rest in a view of BigQuery.`,
    ),
    ...note(
      parts.filter(isOfOtherRows),
      'a row changes when other rows are written, and the log names only those',
      `${resync}. Or compute it in a view of BigQuery.`,
    ),
    ...note(
      [...new Set(opaque.map((each) => `${each.name}()`))],
      'the catalog does not show which tables a function reads and which functions it calls, so that changes of these may not be followed',
      `Check what it reads: every table must be the main table or a lookup. Otherwise, and after each change of a function that it calls: ${resync}.`,
    ),
    ...note(
      dependencies.filter(({ kind }) => kind === 'm').map(({ table }) => `materialized view ${table}`),
      'its refresh writes no log rows',
      `${resync} after each refresh. Or build the view on the tables.`,
    ),
    ...note(
      dependencies.filter(({ kind }) => kind === 'p').map((table) => `partitioned table ${table.name}`),
      'a partition that is dropped, detached, or attached with its rows writes no log rows',
      `Resync the view after that: {"view":"${name}","resync":true}.`,
    ),
  ];
}
