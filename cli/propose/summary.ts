import { printable } from '../../test/local/printable.ts';
import { type Column, renderTable } from '../output/table.ts';
import { oneLine } from '../output/text.ts';
import type { Proposed } from './propose.ts';

/** Where the proposal was written, for the commands that come next. */
export type Written = {
  /** The file of the view sources; null if it went to the standard output. */
  file: string | null;
  /** The file of the statements; null if they are printed. */
  viewsSql: string | null;
};

/** What a person reads: a line per view, what to decide, what to set, and the next commands. */
export function summary(proposed: Proposed, written: Written): string {
  const { proposals, log, problems } = proposed;
  const parts = [
    ...(proposals.length === 0 ? [] : [overview(proposals)]),
    ...section('To decide', [...log.problems, ...todosOf({ proposals, log })]),
    ...section('Before the functions read this source', problems),
    ...section(
      'Worth knowing',
      proposals.flatMap(({ entry, notes }) => notes.map((note) => `${entry.name}: ${note}`)),
    ),
    ...section(
      'The functions need these variables, since the tables have other names than the default ones',
      Object.entries(log.variables).map(
        ([variable, table]) =>
          `${variable}=${table} (on a laptop before the command; in terraform.tfvars: settings = { ${variable.toLowerCase()} = "${table}" })`,
      ),
    ),
    ...(proposals.length === 0 ? [withoutViews(proposed, written)] : []),
    ...section('Next', nextSteps(proposed, written)),
  ];
  return parts.join('\n');
}

/** What concerns all views stands once. */
const todosOf = ({ proposals, log }: Pick<Proposed, 'proposals' | 'log'>): string[] =>
  proposals.flatMap(({ entry, todo }) =>
    todo.filter((each) => !log.problems.includes(each)).map((each) => `${entry.name}: ${each}`),
  );

const COLUMNS: readonly Column[] = [
  { title: 'view' },
  { title: 'rows', align: 'right' },
  { title: 'main table' },
  { title: 'key' },
  { title: 'load type' },
  { title: 'to decide', align: 'right' },
];

const overview = (proposals: Proposed['proposals']): string =>
  renderTable(
    COLUMNS,
    proposals.map(({ entry, rows, todo }) =>
      [
        entry.name,
        rows === null ? '?' : rows.toLocaleString('en'),
        entry.main_table ?? '?',
        entry.key_column ?? '?',
        entry.load_type ?? '?',
        todo.length === 0 ? '' : String(todo.length),
      ].map(oneLine),
    ),
  )
    .concat('')
    .join('\n');

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  - ${printable(line)}`), ''];

function withoutViews({ statements, hiddenViews }: Proposed, { viewsSql }: Written): string {
  const hidden = hiddenViews > 0;
  if (statements.views.length === 0)
    return hidden
      ? 'The role may read none of the views that there are.\n'
      : 'The role finds no views, and no tables of which views could be proposed: see that it may use their schema.\n';
  const none = hidden ? 'The role may read none of the views that there are.' : 'There are no views yet.';
  const which = hidden ? 'one per table that they do not show' : 'one per table';
  return viewsSql === null
    ? `${none} These statements create ${which}:\n\n${statements.sql}`
    : `${none} ${viewsSql} has statements that create ${which}.\n`;
}

const PROPOSE_AGAIN = 'npm run datahub -- propose …';

function nextSteps(
  { proposals, log, statements, hiddenViews }: Proposed,
  { file, viewsSql }: Written,
): string[] {
  if (proposals.length === 0) {
    if (hiddenViews > 0)
      return ['Run the statements under "Before the functions read this source"', PROPOSE_AGAIN];
    if (statements.views.length === 0) return [];
    const run = viewsSql === null ? 'Run the statements above' : `psql … -f ${viewsSql}`;
    return [`${run}, as the owner of the tables, after changing them as reports need them`, PROPOSE_AGAIN];
  }
  const isComplete = proposals.every(({ todo }) => todo.length === 0);
  const name = file ?? 'view-sources.json';
  const variables = Object.entries(log.variables).map(([variable, table]) => `${variable}=${table} `);
  return [
    ...(isComplete
      ? []
      : [
          `Decide what ${name} lists as "todo", and remove each when it is settled: an import refuses it before`,
        ]),
    `SOURCE_DATABASE_URL=… ${variables.join('')}npm start -- --once --views ${name}    tries it on this machine`,
    `npm run datahub -- views import ${name}    imports it into an installation; then: npm run datahub -- check`,
  ];
}
