import type { Queryable } from '../../shared/postgres/transaction.ts';
import { findRelation, readPrimaryKey } from '../../shared/source/catalog.ts';
import { isConvincing, logEvidence } from '../../shared/source/log-evidence.ts';
import { type Model, modelNamed, modelsOf } from '../../shared/source/propose-entry.ts';
import { isTriggerLog, loggedModel } from '../../shared/source/trigger-log.ts';
import type { Dependency } from '../../shared/source/view-definition.ts';
import type { SourceLog } from './choose-log.ts';

export type ModelTable = Pick<Dependency, 'oid' | 'name' | 'table'>;

/** So many models are tried whose tables have other names than Django gives them. */
const MAX_TRIED = 50;

const written = ({ app_label, model }: Model): string => `${app_label}.${model}`;

/** The model under which triggers log a table, else the Django model by its name; adds to the todo if there is none, or more than one. Undefined then. */
export async function chooseModel(
  client: Queryable,
  { table, field, log }: { table: ModelTable; field: string; log: SourceLog },
  todo: string[],
): Promise<Model | undefined> {
  const logged = await loggedModel(client, table.oid, log.types);
  if (logged !== undefined) return modelNamed(logged);
  const [found, ...others] = modelsOf(table, log.types);
  if (found !== undefined && others.length === 0) return found;
  // Without content types, the todo of the whole database says so.
  if (log.contentTypeTable === null) return undefined;
  const isByTriggers = log.logTable !== null && (await isTriggerLog(client, log.logTable));
  const ask = isByTriggers
    ? `no triggers log changes of ${table.name} in ${log.logTable}. Run the script that npm run datahub -- propose --with-log writes, then propose again`
    : found === undefined
      ? `${log.contentTypeTable} has no model whose table would be named ${table.table}: its Meta.db_table says otherwise, or the application does not know it. Name the model whose objects ${table.name} holds, as the content types write it${await guess(client, table, log)}`
      : `${[found, ...others].map(written).join(' or ')}? The table of each would be named ${table.table}`;
  todo.push(`${field}: ${ask}.`);
  return undefined;
}

/** The models whose logged objects exist in the table, as an end of a sentence: numbers may exist in it by chance. */
async function guess(
  client: Queryable,
  { name }: ModelTable,
  { logTable, types }: SourceLog,
): Promise<string> {
  const relation = await findRelation(client, name);
  const column = relation && (await readPrimaryKey(client, relation));
  if (relation === null || column === null || logTable === null) return '';
  const { rows } = await client.query(
    `select type as name from unnest($1::text[]) as type where to_regclass(quote_ident(replace(type, '.', '_'))) is null limit ${MAX_TRIED}`,
    [[...types.keys()]],
  );
  const likely: string[] = [];
  for (const { name: type } of rows as { name: string }[]) {
    const contentTypeIds = [types.get(type) ?? 0];
    const found = await logEvidence(client, { relation, column }, { contentTypeIds, logTable });
    if (found !== null && found.logged > 0 && isConvincing(found)) {
      likely.push(`${type}, of whose newest ${found.logged} logged objects ${found.existing} exist in it`);
    }
  }
  return likely.length === 0 ? '' : `; perhaps ${likely.join(', or ')}`;
}
