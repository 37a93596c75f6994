import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { asDataHubError, type DataHubError } from '../../shared/errors.ts';
import { callersFile } from '../callers-path.ts';
import { logFiles, writeLog } from '../change-log/write-log.ts';
import { CommandError, EXIT, type ExitCode, UsageError } from '../command-error.ts';
import { note, print } from '../output/print.ts';
import { oneLine } from '../output/text.ts';
import { type OpenedSource, openSource } from '../propose/open-source.ts';
import { proposalFile } from '../propose/proposal-file.ts';
import { propose as proposeViews } from '../propose/propose.ts';
import { readDecided } from '../propose/read-decided.ts';
import { summary } from '../propose/summary.ts';
import { writeResult } from '../write-result.ts';

type Options = {
  source: string | undefined;
  view: string[];
  stream: string[];
  out: string;
  force: boolean;
  'views-sql': string | undefined;
  'with-log': string | undefined;
  decided: string | undefined;
  timeout: number;
};

/** Options of other commands, which say what they act on: propose reads a source alone. */
const OF_OTHERS = [
  'data',
  'project',
  'region',
  'environment',
  'impersonate-service-account',
  'json',
] as const;

const MAX_TIMEOUT_SECONDS = 86_400;

/** Reads the catalog and the keys of a source, and writes a file of view sources. */
const propose: CommandModule<object, Options> = {
  command: 'propose',
  describe: 'Propose the view sources of a database',
  builder: (yargs): Argv<Options> =>
    OF_OTHERS.reduce((parser, name) => parser.hide(name), yargs)
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
      .option('stream', {
        type: 'string',
        array: true,
        nargs: 1,
        default: [] as string[],
        defaultDescription: 'as the log suggests',
        describe: 'A view to stream instead of merging it; may be repeated',
      })
      .option('out', {
        type: 'string',
        default: 'view-sources.json',
        coerce: callersFile,
        requiresArg: true,
        describe: 'The file to write, - for the standard output',
      })
      .option('force', { type: 'boolean', default: false, describe: 'Overwrite files' })
      .option('views-sql', {
        type: 'string',
        coerce: (file?: string) => (file === undefined ? file : callersFile(file)),
        requiresArg: true,
        describe: 'A file for create view statements of the tables that no view shows',
      })
      .option('with-log', {
        type: 'string',
        coerce: (file?: string) =>
          file === undefined ? file : callersFile(file === '' ? 'change-log.sql' : file),
        describe:
          'A file for a change log that triggers fill (change-log.sql unless named); --with-log=- prints it',
      })
      .option('decided', {
        type: 'string',
        coerce: (file?: string) => (file === undefined ? file : callersFile(file)),
        requiresArg: true,
        implies: 'with-log',
        describe: 'A file of view sources: --with-log logs the main tables and lookups that it names',
      })
      .option('timeout', {
        type: 'number',
        default: 60,
        requiresArg: true,
        describe: 'Seconds that proving the key of one view may take',
      })
      .check((given: Record<string, unknown> & Options) => {
        const { timeout, out, 'with-log': log } = given;
        const idle = OF_OTHERS.find((name) => given[name] !== undefined && given[name] !== false);
        if (idle !== undefined)
          throw new UsageError(`propose has no --${idle}: it reads the database of --source alone`);
        if (out === '-' && log === '-') throw new UsageError('--out and --with-log cannot both be -');
        if (Number.isInteger(timeout) && timeout >= 1 && timeout <= MAX_TIMEOUT_SECONDS) return true;
        throw new UsageError(`--timeout must be a whole number from 1 to ${MAX_TIMEOUT_SECONDS}`);
      })
      .example('$0 propose --source postgresql://me@localhost/shop', 'writes view-sources.json')
      .epilogue('Exit codes: 0 whole, 1 failed, 2 invalid command line, 3 something is left to decide'),
  handler: async (options) => {
    process.exitCode = await run(options);
  },
};

export default propose;

async function run(options: Options): Promise<ExitCode> {
  const log = options['with-log'] === undefined ? [] : logFiles(options['with-log']);
  const files = [options.out, options['views-sql'], ...log].filter(
    (file): file is string => file !== undefined && !/^-/.test(file),
  );
  const folder = files.map((file) => dirname(file)).find((each) => !existsSync(each));
  if (folder !== undefined) throw new CommandError(`There is no folder ${folder} to write to.`);
  const present = files.filter((file) => existsSync(file));
  if (present.length > 0 && !options.force) {
    throw new CommandError(
      `${present.join(' and ')} exists: name another file, or add --force to overwrite it.`,
    );
  }
  const opened = open(options);
  try {
    return await proposeTo(options, opened);
  } catch (thrown) {
    if (thrown instanceof CommandError) throw thrown;
    const error = asDataHubError(thrown);
    if (error.kind === 'bug') throw thrown;
    throw new CommandError(error.message, { advice: adviceHere(error), cause: error });
  } finally {
    await opened.source.end();
  }
}

function open({ source, timeout }: Options): OpenedSource {
  const given = source === undefined ? {} : { SOURCE_DATABASE_URL: source };
  try {
    return openSource({ ...process.env, ...given }, { timeoutSeconds: timeout });
  } catch (thrown) {
    const { message, kind } = asDataHubError(thrown);
    if (kind !== 'environment') throw thrown;
    throw new UsageError(message, '--source sets SOURCE_DATABASE_URL.');
  }
}

async function proposeTo(
  { view, stream, out, force, 'views-sql': viewsSql, 'with-log': withLog, decided, timeout }: Options,
  { source, changeLogTable, contentTypeTable }: OpenedSource,
): Promise<ExitCode> {
  const found = await proposeViews(source, {
    views: view,
    streamed: stream,
    timeoutSeconds: timeout,
    changeLogTable,
    contentTypeTable,
    onView: (name) => note(`reading ${oneLine(name)} …`),
  });
  const { proposals, statements } = found;
  const unknown = stream.filter((name) => !proposals.some(({ entry }) => entry.name === name));
  if (unknown.length > 0) {
    throw new CommandError(
      `--stream ${unknown.join(', ')}: the role finds no such view among those to propose.`,
    );
  }
  const isToOutput = out === '-';
  const tell = isToOutput || withLog === '-' ? note : print;
  const flag = force ? 'w' : 'wx';
  if (viewsSql !== undefined) await writeResult(viewsSql, statements.sql, flag);
  if (proposals.length > 0) {
    const content = proposalFile(proposals, isToOutput ? process.cwd() : dirname(resolve(out)));
    if (isToOutput) process.stdout.write(content);
    else await writeResult(out, content, flag);
  }
  tell(summary(found, { file: isToOutput ? null : out, viewsSql: viewsSql ?? null }));
  if (withLog !== undefined) {
    const fromFile = decided === undefined ? [] : await readDecided(decided);
    const proposed = proposals
      .map(({ entry }) => entry)
      .filter(({ name }) => !fromFile.some((entry) => entry.name === name));
    const entries = [...proposed, ...fromFile];
    tell(
      await writeLog(source, entries, {
        file: withLog,
        flag,
        contentTypeTable,
        tellModels: decided !== undefined,
      }),
    );
  }
  const isWhole = proposals.length > 0 && proposals.every(({ todo }) => todo.length === 0);
  return isWhole ? EXIT.done : EXIT.needsAttention;
}

/** Nobody deploys or resumes anything here. */
const adviceHere = ({ advice }: DataHubError): string =>
  advice
    .replace(/ ?The functions retry by themselves[^.]*\./, '')
    .replace(/Nothing to do: it will be retried\. ?/, 'Try again. ')
    .replaceAll(' and deploy again', '')
    .replace(/ ?Then resume the view\./, '');
