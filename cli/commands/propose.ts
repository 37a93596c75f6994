import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { asDataHubError, type DataHubError } from '../../shared/errors.ts';
import { logFiles, writeLog } from '../change-log/write-log.ts';
import { type OpenedSource, openSource } from '../propose/open-source.ts';
import { proposalFile } from '../propose/proposal-file.ts';
import { propose as proposeViews } from '../propose/propose.ts';
import { summary } from '../propose/summary.ts';

type Options = {
  source: string | undefined;
  view: string[];
  out: string;
  force: boolean;
  'views-sql': string | undefined;
  'with-log': string | undefined;
  timeout: number;
};

/** Exit code 0: a whole proposal; 1: it failed; 2: the command line is invalid; 3: something is left to decide. */
const EXIT = { whole: 0, failed: 1, invalid: 2, undecided: 3 } as const;
const MAX_TIMEOUT_SECONDS = 86_400;

/** Reads the catalog and the keys of a source, and writes a file of view sources. */
export const propose: CommandModule<object, Options> = {
  command: 'propose',
  describe: 'Propose the view sources of a database',
  builder: (yargs): Argv<Options> =>
    yargs
      .option('source', {
        type: 'string',
        describe: 'URL of the source (default: SOURCE_DATABASE_URL); PGPASSWORD may hold its password',
        requiresArg: true,
      })
      .option('view', {
        type: 'string',
        array: true,
        nargs: 1,
        default: [] as string[],
        defaultDescription: 'all that the role may read',
        describe: 'A view to propose; may be repeated',
      })
      .option('out', {
        type: 'string',
        default: 'view-sources.json',
        requiresArg: true,
        describe: 'The file to write, - for the standard output',
      })
      .option('force', { type: 'boolean', default: false, describe: 'Overwrite files' })
      .option('views-sql', {
        type: 'string',
        requiresArg: true,
        describe: 'A file for create view statements of the tables that no view shows',
      })
      .option('with-log', {
        type: 'string',
        coerce: (file?: string) => (file === '' ? 'change-log.sql' : file),
        describe:
          'A file for a change log that triggers fill (change-log.sql unless named); --with-log=- prints it',
      })
      .option('timeout', {
        type: 'number',
        default: 60,
        requiresArg: true,
        describe: 'Seconds that proving the key of one view may take',
      })
      .check(({ timeout, out, 'with-log': log }) => {
        if (out === '-' && log === '-') throw new Error('--out and --with-log cannot both be -');
        if (Number.isInteger(timeout) && timeout >= 1 && timeout <= MAX_TIMEOUT_SECONDS) return true;
        throw new Error(`--timeout must be a whole number from 1 to ${MAX_TIMEOUT_SECONDS}`);
      })
      .example('$0 propose --source postgresql://me@localhost/shop', 'writes view-sources.json')
      .epilogue('Exit codes: 0 whole, 1 failed, 2 invalid command line, 3 something is left to decide'),
  handler: async (options) => {
    process.exitCode = await run(options);
  },
};

async function run(options: Options): Promise<number> {
  const log = options['with-log'] === undefined ? [] : logFiles(options['with-log']);
  const files = [options.out, options['views-sql'], ...log].filter(
    (file) => file !== undefined && !/^-/.test(file),
  );
  const present = files.filter((file) => file !== undefined && existsSync(file));
  if (present.length > 0 && !options.force) {
    console.error(`${present.join(' and ')} exists: name another file, or add --force to overwrite it.`);
    return EXIT.failed;
  }
  let opened: OpenedSource;
  try {
    const given = options.source === undefined ? {} : { SOURCE_DATABASE_URL: options.source };
    opened = openSource({ ...process.env, ...given }, { timeoutSeconds: options.timeout });
  } catch (thrown) {
    const { message, kind } = asDataHubError(thrown);
    if (kind !== 'environment') throw thrown;
    console.error(`${message}\n--source sets SOURCE_DATABASE_URL.`);
    return EXIT.invalid;
  }
  try {
    return await proposeTo(options, opened);
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (error.kind === 'bug') throw thrown;
    console.error(`${error.message}\n${adviceHere(error)}`);
    return EXIT.failed;
  } finally {
    await opened.source.end();
  }
}

async function proposeTo(
  { view, out, force, 'views-sql': viewsSql, 'with-log': withLog, timeout }: Options,
  { source, changeLogTable, contentTypeTable }: OpenedSource,
): Promise<number> {
  const proposed = await proposeViews(source, {
    views: view,
    timeoutSeconds: timeout,
    changeLogTable,
    contentTypeTable,
    onView: (name) => console.error(`reading ${JSON.stringify(name)} …`),
  });
  const { proposals, statements } = proposed;
  const isToOutput = out === '-';
  const tell = isToOutput || withLog === '-' ? console.error : console.log;
  const flag = force ? 'w' : 'wx';
  if (viewsSql !== undefined) await writeFile(viewsSql, statements.sql, { flag });
  if (proposals.length > 0) {
    const content = proposalFile(proposals, isToOutput ? process.cwd() : dirname(resolve(out)));
    if (isToOutput) process.stdout.write(content);
    else await writeFile(out, content, { flag });
  }
  tell(summary(proposed, { file: isToOutput ? null : out, viewsSql: viewsSql ?? null }));
  if (withLog !== undefined) {
    const entries = proposals.map(({ entry }) => entry);
    tell(await writeLog(source, entries, { file: withLog, flag, contentTypeTable }));
  }
  const isWhole = proposals.length > 0 && proposals.every(({ todo }) => todo.length === 0);
  return isWhole ? EXIT.whole : EXIT.undecided;
}

/** Nobody deploys or resumes anything here. */
const adviceHere = ({ advice }: DataHubError): string =>
  advice
    .replace(/ ?The functions retry by themselves[^.]*\./, '')
    .replace(/Nothing to do: it will be retried\. ?/, 'Try again. ')
    .replaceAll(' and deploy again', '')
    .replace(/ ?Then resume the view\./, '');
