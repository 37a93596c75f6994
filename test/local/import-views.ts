import { setTimeout as elapse } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { SELECT_ENTRIES, storedEntry } from '../../shared/control/stored-entry.ts';
import type { ViewSourceEntry } from '../../shared/model/view-source-entry.ts';
import { importAdvice } from '../../shared/operations/import-advice.ts';
import { callFunction, type FailureAnswer, isFailure } from './functions.ts';
import type { Line, Say } from './line.ts';
import { readViewSources, type ViewSources } from './view-sources.ts';

const IMPORT_TRIES = 5;

/** What may be wrong, but need not be. */
interface Warning {
  check: string;
  message: string;
  advice?: string;
}

/** The answer to an import, as far as it is used here. */
interface Imported {
  resyncs?: string[];
  effects?: { view: string; field: string; message: string }[];
  warnings?: Warning[];
  halted?: string[];
  advice?: string;
}

type StoredViews = ReadonlyMap<string, ViewSourceEntry>;

/**
 * Imports the view sources of the file, or SMartApp's without one; a data folder of another source, without a file, continues with the views
 * that it has. Says what a file changed. Throws an error that says why the views could not be imported, and what to do.
 */
export async function importViews({
  extractUrl,
  controlUrl,
  viewsFile,
  isExternal,
  say,
}: {
  extractUrl: string;
  controlUrl: string;
  viewsFile: string | undefined;
  /** Whether the source is a database of the user. */
  isExternal: boolean;
  say: Say;
}): Promise<void> {
  const before = await readStored(controlUrl);
  if (viewsFile === undefined && isExternal && before.size > 0) {
    say(`Continuing with the views of the data folder: ${[...before.keys()].join(', ')}`);
    return;
  }
  const sources = await readViewSources(viewsFile);
  const answer = await importWithRetries(extractUrl, sources);
  if (isFailure(answer))
    throw refusal(answer, { sources, isExternal, isSmartAppExpected: isExternal && viewsFile === undefined });
  if (viewsFile === undefined) return;
  const after = await readStored(controlUrl);
  for (const line of describeImport(sources, answer, { before, after })) say(line);
}

async function importWithRetries(
  extractUrl: string,
  { payload }: ViewSources,
): Promise<Imported | FailureAnswer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await callFunction(extractUrl, payload);
    if (!isFailure(answer) || answer.error.kind !== 'transient' || tries === IMPORT_TRIES) return answer;
    await elapse(tries * 1_000);
  }
}

/** The error for an import that was refused. */
export function refusal(
  { error }: FailureAnswer,
  {
    sources,
    isExternal,
    isSmartAppExpected,
  }: { sources: Pick<ViewSources, 'file'>; isExternal: boolean; isSmartAppExpected: boolean },
): Error {
  if (!isSmartAppExpected) {
    const lines = [error.message, adviceHere(error.advice), ...(isExternal ? [] : [WITHOUT_SOURCE])];
    const reasons = lines.join('\n').replaceAll('\n', '\n  ');
    return new Error(`The view sources of ${sources.file} could not be imported:\n  ${reasons}`);
  }
  return new Error(
    [
      'SOURCE_DATABASE_URL names a database from which the views of SMartApp, the sample application, could not be imported.',
      'Describe the views of your own database in a file, and start with --views my-views.json (docs/configuration.md#adding-a-view).',
      `If it should be SMartApp, this is why they were refused:\n  ${firstOf(error.message)}`,
    ].join('\n'),
  );
}

const WITHOUT_SOURCE =
  'SOURCE_DATABASE_URL is not set, so that the source is SMartApp, the sample application: set it to the URL of the database that has these views.';

/** Nothing is deployed here, and nothing was stored that could be resumed. */
const adviceHere = (advice: string): string =>
  importAdvice(advice).replaceAll(' and deploy again', ' in the environment of npm start');

const SHOWN_REASONS = 3;

/** The first of several reasons. */
function firstOf(message: string): string {
  const reasons = message.split('; ');
  const more = reasons.length - SHOWN_REASONS;
  return `${reasons.slice(0, SHOWN_REASONS).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/** What an import did, for people. */
export function describeImport(
  { file, views }: Pick<ViewSources, 'file' | 'views'>,
  { resyncs = [], effects = [], warnings = [], halted = [], advice }: Imported,
  { before, after }: { before: StoredViews; after: StoredViews },
): Line[] {
  const described = views.map(({ name, enabled }) => {
    const fields = changedFields(before.get(name), after.get(name));
    const states = [
      ...(enabled ? [] : ['not enabled']),
      before.has(name) ? (fields.length > 0 ? `changed: ${fields.join(', ')}` : 'as before') : 'new',
      ...(resyncs.includes(name) ? ['will be loaded again'] : []),
    ];
    return `  ${name}: ${states.join('; ')}`;
  });
  const others = [...before].filter(
    ([name, { enabled }]) => enabled && !views.some((view) => view.name === name),
  );
  return [
    `Imported the view sources of ${file}:`,
    ...described,
    ...effects.map(({ view, field, message }) => `  ${view}: ${field}: ${message}`),
    ...others.map(
      ([name]) =>
        `  ${name}: not in the file; it goes on. npm run call -- extract '{"view":"${name}","forget":true}' removes it`,
    ),
    ...warnings.flatMap(describeWarning),
    ...(halted.length > 0
      ? [[['warning', 'warning: '], `halted: ${halted.join(', ')}. ${advice}`] as const]
      : []),
  ];
}

const describeWarning = ({ check, message, advice }: Warning): Line[] => [
  [['warning', 'warning: '], `${check}: ${message}`],
  ...(advice === undefined ? [] : [`  ${advice.replaceAll('\n', '\n  ')}`]),
];

function changedFields(before: ViewSourceEntry | undefined, after: ViewSourceEntry | undefined): string[] {
  if (before === undefined || after === undefined) return [];
  const fields = Object.keys(after) as (keyof ViewSourceEntry)[];
  return fields.filter((field) => !isDeepStrictEqual(before[field], after[field]));
}

async function readStored(controlUrl: string): Promise<StoredViews> {
  const control = new pg.Client(controlUrl);
  control.on('error', () => undefined);
  await control.connect();
  try {
    const { rows: tables } = await control.query(
      `select to_regclass('etl.view_source') is not null as "exists"`,
    );
    if (tables[0]?.exists !== true) return new Map();
    const { rows } = await control.query(`${SELECT_ENTRIES} order by name`);
    return new Map(rows.map((row) => storedEntry(row).entry).map((entry) => [entry.name, entry]));
  } finally {
    await control.end();
  }
}
