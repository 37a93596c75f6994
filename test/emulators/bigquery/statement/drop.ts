import { invalidQuery, unsupported } from '../error.ts';
import { resolveName, resolveRoutine, resolveTable } from '../names.ts';
import { Cursor } from '../script/cursor.ts';
import type { Outcome, StatementContext } from './statement-context.ts';
import { temporaryStorage } from './target.ts';

/** The object that a DROP statement names. */
interface Named {
  readonly exists: boolean;
  /** @throws BigQueryError notFound if it does not exist. */
  remove(): Promise<void>;
}

/**
 * DROP TABLE | VIEW | PROCEDURE | SCHEMA [IF EXISTS] name [CASCADE]
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#drop_table_statement
 */
export async function drop(sql: string, context: StatementContext): Promise<Outcome> {
  const cursor = new Cursor(sql);
  cursor.expect('DROP');
  const what = cursor.next().keyword;
  const ifExists = cursor.take('IF', 'EXISTS');
  const path = cursor.path();
  const named = find(what, path, cursor.take('CASCADE'), context);
  const isSkipped = ifExists && !named.exists;
  if (!isSkipped) await named.remove();
  return {
    statistics: { statementType: `DROP_${what}`, ddlOperationPerformed: isSkipped ? 'SKIP' : 'DROP' },
  };
}

function find(what: string, path: string, cascade: boolean, context: StatementContext): Named {
  const { catalog } = context.warehouse;
  switch (what) {
    case 'TABLE':
      return findTemporary(path, context) ?? findTable('TABLE', path, context);
    case 'VIEW':
      return findTable('VIEW', path, context);
    case 'PROCEDURE': {
      const reference = resolveRoutine(path, context.defaults);
      return {
        exists: catalog.findRoutine(reference) !== undefined,
        remove: () => catalog.deleteRoutine(reference),
      };
    }
    case 'SCHEMA': {
      const { projectId, datasetId } = resolveName(`${path}._`, context.defaults);
      const reference = { projectId, datasetId };
      return {
        exists: catalog.findDataset(reference) !== undefined,
        remove: () => catalog.deleteDataset(reference, cascade),
      };
    }
    default:
      throw unsupported(`DROP ${what}`);
  }
}

function findTemporary(path: string, context: StatementContext): Named | undefined {
  const table = context.temporary.get(path.toLowerCase());
  return (
    table && {
      exists: true,
      remove: async () => {
        await context.session.run(`drop table ${temporaryStorage(table)}`);
        context.temporary.delete(path.toLowerCase());
      },
    }
  );
}

function findTable(type: 'TABLE' | 'VIEW', path: string, context: StatementContext): Named {
  const { catalog } = context.warehouse;
  const reference = resolveTable(path, context.defaults);
  const found = catalog.findTable(reference);
  if (found && found.type !== type) throw invalidQuery(`${path} is not a ${type.toLowerCase()}`);
  return { exists: found !== undefined, remove: () => catalog.deleteTable(reference) };
}
