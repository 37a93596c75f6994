import type { Readable } from 'node:stream';
import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { NOTHING_SEEN } from '../model/checkpoint.ts';
import { fromPostgres } from '../postgres/sqlstate.ts';
import { collapseStatement } from './collapse.ts';
import type { SourceView } from './describe-view.ts';
import { copyOut, deletesStatement, emptyUpsertsStatement, loggedKeysStatement } from './fetch.ts';

/** Above every log id, so that a capture from here on reads nothing. */
const END_OF_LOG = 2n ** 63n - 2n;

/**
 * Runs the statements of a batch in the snapshot of `client`, all of them without rows. Throws `configuration` naming the statement that
 * PostgreSQL refuses.
 */
export async function tryStatements(
  client: pg.ClientBase,
  view: SourceView,
  logTable: string,
): Promise<void> {
  const capture = collapseStatement(view, logTable, {
    floorId: END_OF_LOG,
    seen: NOTHING_SEEN,
    maturedFloorId: END_OF_LOG,
    maxLogRows: 1,
    maxReadRows: 1,
    maxNullRows: 1,
    queuedKeys: [],
  });
  const all = { kind: 'slice', slice: { from: null, to: null }, isDirectLoad: false } as const;
  const copy = (statement: string) => () => copyOut(client, statement, drain);
  const statements: [string, () => Promise<unknown>][] = [
    ['that captures changes', () => client.query(capture.text, capture.values)],
    ['that copies changed rows', copy(emptyUpsertsStatement(view, { kind: 'captured' }))],
    ['that copies deleted keys', copy(deletesStatement(view))],
    ['that copies logged keys', copy(loggedKeysStatement(view))],
    ['that copies all rows', copy(emptyUpsertsStatement(view, all))],
  ];
  for (const [what, run] of statements) {
    await run().catch((error: unknown) => {
      throw refusal(view, what, error);
    });
  }
}

async function drain(lines: Readable): Promise<void> {
  for await (const _ of lines);
}

/** What may pass, and missing rights, stay what they are. */
function refusal({ name }: SourceView, what: string, error: unknown): DataHubError {
  const { kind, message, advice, context } = fromPostgres(error, 'source');
  const isOther = kind === 'transient' || kind === 'unauthorized' || kind === 'source_refused';
  return new DataHubError(
    isOther ? kind : 'configuration',
    `view ${name}: the statement ${what} fails: ${message}`,
    {
      context: { ...context, view: name },
      ...(isOther && { advice }),
      cause: error,
    },
  );
}
