import { getBorderCharacters, table } from 'table';
import type { Proposed } from './propose.ts';

/** Where the proposal was written, for the commands that come next. */
export type Written = {
  /** The file of the view sources; null if it went to the standard output. */
  file: string | null;
  /** The file of the statements; null if they are printed. */
  viewsSql: string | null;
};

/** What a person reads: a line per view, what to decide, what to set, and the next commands. */
export function summary({ proposals, log, problems, statements }: Proposed, written: Written): string {
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
    ...(proposals.length === 0 ? [withoutViews({ statements }, written)] : []),
    ...section('Next', nextSteps({ proposals, statements }, written)),
  ];
  return printable(parts.join('\n'));
}

/** What concerns all views stands once. */
const todosOf = ({ proposals, log }: Pick<Proposed, 'proposals' | 'log'>): string[] =>
  proposals.flatMap(({ entry, todo }) =>
    todo.filter((each) => !log.problems.includes(each)).map((each) => `${entry.name}: ${each}`),
  );

const overview = (proposals: Proposed['proposals']): string =>
  table(
    [
      ['view', 'rows', 'main table', 'key', 'load type', 'to decide'],
      ...proposals.map(({ entry, rows, todo }) => [
        entry.name,
        rows === null ? '?' : rows.toLocaleString('en'),
        entry.main_table ?? '?',
        entry.key_column ?? '?',
        entry.load_type ?? '?',
        todo.length === 0 ? '' : String(todo.length),
      ]),
    ].map((row) => row.map(printable)),
    {
      border: getBorderCharacters('void'),
      drawHorizontalLine: (line) => line === 1,
      columnDefault: { paddingLeft: 0, paddingRight: 2 },
    },
  );

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  - ${line}`), ''];

function withoutViews({ statements }: Pick<Proposed, 'statements'>, { viewsSql }: Written): string {
  if (statements.views.length === 0)
    return 'The role finds no views, and no tables of which views could be proposed: see that it may use their schema.\n';
  return viewsSql === null
    ? `There are no views yet. These statements create one per table:\n\n${statements.sql}`
    : `There are no views yet. ${viewsSql} has statements that create one per table.\n`;
}

function nextSteps(
  { proposals, statements }: Pick<Proposed, 'proposals' | 'statements'>,
  { file, viewsSql }: Written,
): string[] {
  if (proposals.length === 0) {
    if (statements.views.length === 0) return [];
    const run = viewsSql === null ? 'Run the statements above' : `psql … -f ${viewsSql}`;
    return [
      `${run}, as the owner of the tables, after changing them as reports need them`,
      'npm run datahub -- propose …',
    ];
  }
  const isComplete = proposals.every(({ todo }) => todo.length === 0);
  const name = file ?? 'view-sources.json';
  return [
    ...(isComplete
      ? []
      : [
          `Decide what ${name} lists as "todo", and remove each when it is settled: an import refuses it before`,
        ]),
    `SOURCE_DATABASE_URL=… npm start -- --once --views ${name}    tries it on this machine`,
    `npm run datahub -- views import ${name}    imports it into an installation; then: npm run datahub -- check`,
  ];
}

/** Characters that a terminal obeys, or that reorder a line, except line ends and tabs: names may have them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

const printable = (text: string): string =>
  text.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
