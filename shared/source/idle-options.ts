import type { ViewSource } from '../model/view-source.ts';
import type { SourceView } from './describe-view.ts';
import type { Note } from './model-faults.ts';
import type { ViewDefinition } from './view-definition.ts';

/**
 * Notes on what is configured and has no effect: usually the name of another column or table was meant. `referenced` are the tables whose deletions
 * matter to the view (`setNullFindings`).
 */
export function idleOptions(
  source: ViewSource,
  view: SourceView,
  { dependencies }: ViewDefinition,
  referenced: ReadonlySet<string>,
): Note[] {
  const depended = dependencies.flatMap(({ name, schema, table }) => [name, table, `${schema}.${table}`]);
  const tables = new Set([...depended, ...referenced]);
  const note = (message: string): Note => ({
    message: `view ${source.name}: ${message}`,
    advice: 'Correct the name, or remove it from the view source.',
  });
  return [
    ...view.columns
      .filter(
        ({ name, unrepresentable }) =>
          unrepresentable === null && Object.hasOwn(source.unrepresentable, name),
      )
      .map(({ name, type }) =>
        note(
          `the unrepresentable policy of ${name} has no effect, since ${type} holds every value of the column`,
        ),
      ),
    ...view.columns
      .filter(({ name, type }) => source.datetimeColumns.includes(name) && type !== 'TIMESTAMP')
      // By its policy, a datetime column may be text.
      .filter(({ name, type }) => type !== 'STRING' || !Object.hasOwn(source.unrepresentable, name))
      .map(({ name, type }) =>
        note(`datetime column ${name} stays ${type}, since only text and timestamps become TIMESTAMP`),
      ),
    ...view.columns
      .filter(({ name, mode }) => mode !== 'REPEATED' && Object.hasOwn(source.nullArrays, name))
      .map(({ name, mode, type }) =>
        note(`the null_arrays policy of ${name} has no effect, since it arrives as ${mode} ${type}`),
      ),
    ...source.ignoredDependencies
      .filter((name) => !tables.has(name))
      .map((name) => note(`ignored dependency ${name} has no effect, since the view does not depend on it`)),
  ];
}
