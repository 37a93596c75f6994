import { asDataHubError } from '../../shared/errors.ts';
import type { Queryable } from '../../shared/postgres/transaction.ts';
import { findRelation } from '../../shared/source/catalog.ts';
import { findContentTypes } from '../../shared/source/content-types.ts';
import {
  findContentTypeTables,
  findLogTables,
  type TableOfColumns,
} from '../../shared/source/find-log-tables.ts';
import { assertLogTable, LOG_COLUMNS, requireReadable } from '../../shared/source/log-table.ts';
import type { ContentTypes } from '../../shared/source/propose-entry.ts';

/** The change log and the content types of a source, as far as its catalog tells which tables they are. */
export type SourceLog = {
  /** Null if there is none that can be read. */
  logTable: string | null;
  contentTypeTable: string | null;
  /** Empty without a table of content types. */
  types: ContentTypes;
  /** The environment variables that the functions need, since the tables have other names than the default ones. */
  variables: Record<string, string>;
  /** What is missing, as sentences: no view can be replicated before. */
  problems: string[];
};

const DEFAULTS = { CHANGE_LOG_TABLE: 'models_logging_change', CONTENT_TYPE_TABLE: 'django_content_type' };

const WITHOUT_LOG = `No table of this database has the columns of a change log: ${Object.keys(LOG_COLUMNS).join(', ')}. Let triggers write one: npm run datahub -- propose --with-log (docs/change-log.md); or django-models-logging. A table with these columns is supported under any name, whatever fills it (sql/README.md#what-the-source-must-have)`;
const WITHOUT_TYPES =
  'No table of this database has the columns of content types: id, app_label, model. Django makes it as django_content_type; a table with these columns is supported under any name';

/** Finds both tables by their columns. A table that the environment names is preferred to others. */
export async function chooseLog(
  client: Queryable,
  configured: { changeLogTable: string; contentTypeTable: string },
): Promise<SourceLog> {
  const log = await choose(client, await findLogTables(client), {
    what: 'change log',
    variable: 'CHANGE_LOG_TABLE',
    configured: configured.changeLogTable,
    without: WITHOUT_LOG,
  });
  const types = await choose(client, await findContentTypeTables(client), {
    what: 'content type table',
    variable: 'CONTENT_TYPE_TABLE',
    configured: configured.contentTypeTable,
    without: WITHOUT_TYPES,
  });
  return {
    logTable: log.table,
    contentTypeTable: types.table,
    types: types.table === null ? new Map() : await findContentTypes(client, types.table),
    variables: { ...log.variables, ...types.variables },
    problems: [...log.problems, ...types.problems],
  };
}

type Chosen = { table: string | null; variables: Record<string, string>; problems: string[] };

async function choose(
  client: Queryable,
  found: readonly TableOfColumns[],
  {
    what,
    variable,
    configured,
    without,
  }: {
    what: 'change log' | 'content type table';
    variable: keyof typeof DEFAULTS;
    configured: string;
    without: string;
  },
): Promise<Chosen> {
  const named = found.find(({ table, isVisible }) => isVisible && table === configured);
  const [only, ...others] = named === undefined ? found : [named];
  if (only === undefined) {
    return { table: null, variables: {}, problems: [(await whyUnfit(client, what, configured)) ?? without] };
  }
  if (others.length > 0) {
    const names = found.map(({ schema, table }) => `${schema}.${table}`).join(', ');
    const problem = `Several tables have the columns of a ${what}: ${names}. Name the one that the application writes, and propose again: ${variable}=${only.table} npm run datahub -- propose …`;
    return { table: null, variables: {}, problems: [problem] };
  }
  const variables = only.table === DEFAULTS[variable] ? {} : { [variable]: only.table };
  const problems = await failureOf(() =>
    what === 'change log' ? assertLogTable(client, only.table) : requireReadable(client, what, only.table),
  );
  return { table: problems.length === 0 ? only.table : null, variables, problems };
}

/** Why the configured table, which exists, cannot be one; null if it does not exist. */
async function whyUnfit(client: Queryable, what: string, configured: string): Promise<string | null> {
  if (what !== 'change log' || (await findRelation(client, configured)) === null) return null;
  return (await failureOf(() => assertLogTable(client, configured)))[0] ?? null;
}

/** Nothing that these checks throw leaves the transaction unusable. */
async function failureOf(check: () => Promise<void>): Promise<string[]> {
  try {
    await check();
    return [];
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (error.kind === 'bug') throw thrown;
    return [`${error.message}. ${error.advice}`];
  }
}
