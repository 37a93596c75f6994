import { invalidQuery, unsupported } from '../error.ts';
import { quoted } from '../field.ts';
import { tablePath } from '../translate/relations.ts';
import { type Expression, print } from '../translate/syntax-tree.ts';
import type { Translation } from '../translate/translate.ts';
import { dmlOutcome } from './dml-outcome.ts';
import { refuseSeveralSources } from './several-sources.ts';
import type { Outcome, StatementContext } from './statement-context.ts';
import { fieldNamed, type Target } from './target.ts';

type Merge = Extract<Expression, { merge: unknown }>['merge'];
type When = Extract<Expression, { when: unknown }>['when'];

/** The translated parts of a MERGE. */
interface Clauses {
  readonly target: Target;
  readonly alias: string;
  readonly source: Expression;
  readonly on: string;
  readonly translation: Translation;
}

/**
 * MERGE … WHEN MATCHED … UPDATE, WHEN NOT MATCHED … INSERT.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement
 */
export async function runMerge(merge: Merge, context: StatementContext): Promise<Outcome> {
  const item = 'alias' in merge.this ? merge.this.alias : { this: merge.this, alias: null };
  if (!('table' in item.this)) throw unsupported('this target of MERGE');
  const named: Expression = { table: { ...item.this.table, alias: item.alias ?? item.this.table.alias } };
  const target = context.target(tablePath(item.this.table));
  const source = sourceOf(merge.using);
  if (!merge.on) throw invalidQuery('MERGE must have an ON clause');
  const translation = context.translation();
  const scope = [named, source];
  const alias = quoted(named.table.alias?.name ?? target.table.reference.tableId);
  const clauses: Clauses = {
    target,
    alias,
    source,
    on: print(translation.within(merge.on, scope)),
    translation,
  };
  const whens = merge.whens && 'whens' in merge.whens ? merge.whens.whens.expressions : [];
  const translated = whens.map((each) => translateWhen(each, clauses, named));
  const from = print(translation.relation(source));

  return await context.change(target, async () => {
    const matched = translated
      .filter(({ kind }) => kind === 'matched')
      .map(({ condition }) => condition ?? 'true');
    if (matched.length > 0) {
      const condition = `(${clauses.on}) and (${matched.join(' or ')})`;
      await refuseSeveralSources(context.session, translation.bindings, {
        storage: target.storage,
        alias,
        from,
        condition,
      });
    }
    const counts = await countActions(translated, clauses, from, context);
    await context.session.run(
      `merge into ${target.storage} as ${alias} using ${from} on ${clauses.on} ${translated.map(({ text }) => text).join(' ')}`,
      translation.bindings,
    );
    return dmlOutcome('MERGE', counts);
  });
}

/**
 * Counts what the statement is going to do. DuckDB could count by RETURNING, but with that version 1.5 copies the columns that a clause does
 * not set from uninitialised memory, and sometimes crashes.
 */
async function countActions(
  whens: readonly TranslatedWhen[],
  { alias, on, target, translation }: Clauses,
  from: string,
  { session }: StatementContext,
): Promise<Record<Action, number>> {
  const counts: Record<Action, number> = { inserted: 0, updated: 0 };
  const storage = `${target.storage} as ${alias}`;
  const rowsOf: Record<Kind, string> = {
    matched: `${storage} join ${from} on ${on}`,
    'not matched by target': `${from} where not exists (select * from ${storage} where ${on})`,
  };
  for (const [kind, rows] of Object.entries(rowsOf)) {
    const clauses = whens.filter((when) => when.kind === kind);
    if (clauses.length === 0) continue;
    const action = clauses.map((when) => `when ${when.condition ?? 'true'} then '${when.action}'`).join(' ');
    const counted = await session.query(
      `select action, count(*)::double from (select case ${action} end as action from ${rows}) where action is not null group by all`,
      translation.bindings,
    );
    for (const [name, count] of counted.rows) counts[name as Action] += Number(count);
  }
  return counts;
}

/** The source under its alias, as an item of FROM. */
function sourceOf(using: Expression): Expression {
  if ('alias' in using && 'table' in using.alias.this) {
    return { table: { ...using.alias.this.table, alias: using.alias.alias } };
  }
  return using;
}

type Kind = 'matched' | 'not matched by target';
type Action = 'inserted' | 'updated';

interface TranslatedWhen {
  readonly text: string;
  readonly kind: Kind;
  readonly action: Action;
  readonly condition: string | undefined;
}

function translateWhen(node: Expression, clauses: Clauses, target: Expression): TranslatedWhen {
  if (!('when' in node)) throw unsupported(`${Object.keys(node)[0]} in MERGE`);
  const { when } = node;
  const matches = isTrue(when.matched);
  if (!matches && isTrue(when.source)) throw unsupported('WHEN NOT MATCHED BY SOURCE');
  const visible = matches ? [target, clauses.source] : [clauses.source];
  const condition = when.condition && print(clauses.translation.within(when.condition, visible));
  const kind = matches ? 'matched' : 'not matched by target';
  const { action, text } = translateAction(when, clauses, visible);
  return {
    text: `when ${kind}${condition ? ` and (${condition})` : ''} then ${text}`,
    kind,
    action,
    condition: condition ?? undefined,
  };
}

function translateAction(
  { then }: When,
  clauses: Clauses,
  visible: readonly Expression[],
): { action: Action; text: string } {
  const [action, first, second] = 'tuple' in then ? then.tuple.expressions : [];
  const name = action && 'var' in action ? action.var.this.toUpperCase() : '';
  if (name === 'UPDATE' && first && 'tuple' in first) {
    const changes = first.tuple.expressions.map((each) => assignment(each, clauses, visible));
    return { action: 'updated', text: `update set ${changes.join(', ')}` };
  }
  if (name === 'INSERT' && first && 'tuple' in first) {
    return { action: 'inserted', text: insertValues(first, second, clauses, visible) };
  }
  throw unsupported('this action of MERGE');
}

function assignment(node: Expression, clauses: Clauses, visible: readonly Expression[]): string {
  if (!('eq' in node)) throw unsupported(`${Object.keys(node)[0]} in SET`);
  const column = fieldNamed(clauses.target, columnName(node.eq.left));
  return `${quoted(column.name)} = ${print(clauses.translation.within(node.eq.right, visible))}`;
}

/** `INSERT (columns) VALUES (values)`, or `INSERT VALUES (values)` for all columns in their order. */
function insertValues(
  first: Expression,
  second: Expression | undefined,
  clauses: Clauses,
  visible: readonly Expression[],
): string {
  const [columns, row] = second ? [first, second] : [undefined, first];
  const names =
    columns && 'tuple' in columns
      ? columns.tuple.expressions.map((each) => fieldNamed(clauses.target, columnName(each)).name)
      : clauses.target.table.fields.map(({ name }) => name);
  const values = 'tuple' in row ? row.tuple.expressions : [row];
  if (values.length !== names.length) {
    throw invalidQuery(`Inserted row has wrong column count; Has ${values.length}, expected ${names.length}`);
  }
  const written = values.map((value) => print(clauses.translation.within(value, visible)));
  return `insert (${names.map(quoted).join(', ')}) values (${written.join(', ')})`;
}

function columnName(node: Expression): string {
  if ('column' in node) return node.column.name.name;
  if ('identifier' in node) return node.identifier.name;
  throw unsupported('a nested field as the target of an assignment');
}

function isTrue(node: Expression | null): boolean {
  return node !== null && 'boolean' in node && node.boolean.value;
}
